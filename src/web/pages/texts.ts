const conjunction = new Intl.ListFormat('en-GB', { type: 'conjunction' });

function namesOf(lists: readonly { name: string }[]): string {
  return conjunction.format(lists.map((list) => list.name));
}

/**
 * Every sentence of the pages, in English. Sentences are whole and names are put in by functions, so
 * that another language is another object of this shape (W-06).
 */
export const texts = {
  language: { lang: 'en', dir: 'ltr' },

  signUp: {
    title: 'Sign up to our newsletters',
    titleWithErrors: 'Error: Sign up to our newsletters',
    intro: 'Choose what you would like to read, straight in your inbox.',
    legend: 'Newsletters',
    email: 'Email address',
    firstName: 'First name (optional)',
    submit: 'Subscribe',
    problems: 'Please check what you entered',
    nothingOffered: 'There are no newsletters to sign up to at the moment.',
  },

  thanks: {
    title: 'Check your inbox',
    next: 'Please open our message to the address you entered and press its button. Then you are on the list.',
    otherwise: 'Until you confirm, nothing is sent to you.',
    missing: 'Nothing there after a few minutes?',
    spam: 'Look in the spam or junk folder.',
    typo: 'The address may have been mistyped. Sign up once more to correct it.',
    already: 'If you already receive what you chose, there is nothing to confirm and no message comes.',
  },

  confirm: {
    title: 'Confirm your subscription',
    intro: 'You will receive:',
    submit: 'Confirm subscription',
    otherwise: 'Nothing happens unless you press the button. If this was not you, just close this page.',
  },

  confirmed: {
    title: 'You are subscribed',
    intro: 'From now on you receive:',
    leaving: 'You can stop at any time: every one of our emails has a link for it in its footer.',
    preferences: 'Change your choices',
  },

  linkProblem: {
    unknown: {
      title: 'This link does not work',
      message: 'It may have been cut off when it was copied. Please use the button in the email once more.',
      next: 'If that does not help, please sign up again. A new link then comes by email.',
    },
    expired: {
      title: 'This link has expired',
      message: 'A confirmation link works for a limited time only. You are not subscribed by it.',
      next: 'To receive the newsletters, please sign up again. A new link then comes by email.',
    },
    withdrawn: {
      title: 'This request was withdrawn',
      message: 'The sign-up that this link belongs to was called off. You are not subscribed by it.',
      next: 'If you changed your mind, please sign up again. A new link then comes by email.',
    },
    signUp: 'Sign up again',
  },

  unsubscribe: {
    title: 'Unsubscribe',
    one: (name: string) => `One click, and ${name} no longer comes to you.`,
    all: 'One click, and none of our newsletters comes to you any more.',
    leaveOne: (name: string) => `Unsubscribe from ${name}`,
    leaveOnly: (name: string) => `Leave only ${name}`,
    leaveAll: 'Unsubscribe from all newsletters',
    subscribedTo: (lists: readonly { name: string }[]) => `You are signed up to ${namesOf(lists)}.`,
    single: 'Or leave just one',
  },

  unsubscribed: {
    title: 'You are unsubscribed',
    left: 'We no longer send you:',
    titleBefore: 'You had already left',
    nothingToDo: 'There was nothing left to change.',
    remaining: 'You still receive:',
    none: 'You are not subscribed to any of our newsletters.',
    mistake: 'Was that a mistake? You can change your choices at any time.',
    preferences: 'Change your choices',
  },

  notSubscribed: {
    title: 'You are not subscribed',
    message: 'None of our newsletters comes to you. There is nothing more to do.',
  },

  preferences: {
    title: 'Your newsletters',
    titleSaved: 'Saved: Your newsletters',
    intro: 'Tick what you would like to receive.',
    legend: 'Newsletters',
    pending: 'Waiting for your confirmation: please press the button in our email.',
    newOnes: 'For each newsletter that you add, we ask you by email to confirm it.',
    submit: 'Save',
    saved: 'Your choices are saved.',
    left: (lists: readonly { name: string }[]) => `You no longer receive ${namesOf(lists)}.`,
    asked: (lists: readonly { name: string }[]) =>
      `One more step for ${namesOf(lists)}: please confirm it with the button in the email that we send you.`,
    allHeading: 'No more newsletters?',
    leaveAll: 'Unsubscribe from all newsletters',
  },

  unknownLink: {
    title: 'This link does not work',
    message: 'It may have been cut off when it was copied.',
    next: 'Please use the link in the footer of the latest email that you got from us.',
  },
} as const;
