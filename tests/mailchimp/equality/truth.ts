// What people said last about each list, here or at Mailchimp, kept by hand: the oracle that the sync is
// held against. It knows nothing of revisions, statuses and webhooks.

/** Whether a person may be on a list: `either` where Mailchimp itself hides what somebody said there. */
export type Verdict = 'on' | 'off' | 'either';

interface Word {
  consented: boolean;
  outHere: boolean;
  outThere: 'no' | 'yes' | 'hidden';
}

export type Truth = ReturnType<typeof createTruth>;

export function createTruth(lists: readonly string[]) {
  const words = new Map<string, Word>();
  const word = (person: string, list: string): Word =>
    words.get(`${person} ${list}`) ?? { consented: false, outHere: false, outThere: 'no' };
  const say = (person: string, some: readonly string[], change: (before: Word) => Partial<Word>) => {
    for (const list of some) {
      const before = word(person, list);
      words.set(`${person} ${list}`, { ...before, ...change(before) });
    }
  };

  const verdict = (person: string, list: string): Verdict => {
    const { consented, outHere, outThere } = word(person, list);
    if (!consented || outHere || outThere === 'yes') return 'off';
    return outThere === 'hidden' ? 'either' : 'on';
  };

  return {
    verdict,
    /** Pressed the button of a confirmation mail of ours: newer than whatever they said before. */
    confirmed: (person: string, some: readonly string[]) =>
      say(person, some, () => ({ consented: true, outHere: false, outThere: 'no' })),
    /** Said of them by a file; whether they are on then, Mailchimp says, and what they said there stays said. */
    imported: (person: string, some: readonly string[]) =>
      say(person, some, ({ outThere }) => ({
        consented: true,
        outHere: false,
        outThere: outThere === 'no' ? 'hidden' : outThere,
      })),
    undone: (person: string, some: readonly string[]) => say(person, some, () => ({ consented: false })),
    leftHere: (person: string, some: readonly string[]) => say(person, some, () => ({ outHere: true })),
    leftThere: (person: string, some: readonly string[] = lists) =>
      say(person, some, () => ({ outThere: 'yes' })),
    /** What ended over there is undone or covered up before anybody need have seen it. */
    hidden: (person: string, some: readonly string[] = lists) =>
      say(person, some, ({ outThere }) => ({ outThere: outThere === 'no' ? 'no' : 'hidden' })),
    /** Over there they said something that cannot be told from our not having been there yet. */
    ambiguous: (person: string, some: readonly string[]) =>
      say(person, some, ({ outThere }) => ({ outThere: outThere === 'yes' ? 'yes' : 'hidden' })),
    /** Whether they left here whatever they ever consented to. */
    isOutHere: (person: string) =>
      lists.every((list) => !word(person, list).consented || word(person, list).outHere),
    /** Whether Mailchimp may be told to mail them at all (I1, I2). */
    mayBeMailed: (person: string) => lists.some((list) => verdict(person, list) !== 'off'),
  };
}
