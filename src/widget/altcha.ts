import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2';

// `/altcha.js`: solves ALTCHA's challenges, for the widget, which loads it where one is asked, and for our own
// pages.

/** @returns what belongs into the field `altcha`. @throws when it cannot be solved in a minute and a half */
export async function solve(challenge: Challenge): Promise<string> {
  const solution = await solveChallenge({ challenge, deriveKey });
  if (solution === null) throw new Error('the challenge was not solved in time');
  return btoa(JSON.stringify({ challenge, solution }));
}

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-challenge]')) guard(form);

/** Solves a form's challenge once the reader begins to fill it in, and lets it go when that is done. */
function guard(form: HTMLFormElement): void {
  const { challenge = '', solving = '' } = form.dataset;
  const field = document.createElement('input');
  field.type = 'hidden';
  field.name = 'altcha';
  form.append(field);
  const status = document.createElement('p');
  status.role = 'status';
  form.append(status);

  let solved: Promise<void> | null = null;
  let isReady = false;
  const begin = () => {
    solved ??= solve(JSON.parse(challenge))
      .then(
        (payload) => {
          field.value = payload;
        },
        // It is sent without, and the answer says what to do.
        () => {},
      )
      .then(() => {
        isReady = true;
      });
    return solved;
  };
  let isWaiting = false;
  form.addEventListener('focusin', begin);
  form.addEventListener('submit', async (event) => {
    // Not held up only to be sent again: while this event is on, browsers take no second one.
    if (isReady) return;
    event.preventDefault();
    if (isWaiting) return;
    isWaiting = true;
    status.textContent = solving;
    await begin();
    form.requestSubmit(event.submitter);
  });
}
