import { make } from './make.ts';
import type { OfferedList, Spoken } from './offered.ts';
import type { Fault, Outcome, SignUp } from './send.ts';

/** The drawn form. */
export interface Drawn {
  root: HTMLElement;
  /** Goes on where the reader was in another form: what it held, and the field with the focus. */
  resume(typed: FormData, focused: HTMLInputElement | null): void;
}

/**
 * Draws the form in one language and sees to it: sends, shows progress and errors in place, and says what
 * comes next. Only the service judges what was entered, so that there is one voice for errors.
 */
export function drawForm({
  lists,
  locale,
  spoken,
  heading: wanted,
  send,
}: {
  lists: OfferedList[];
  locale: string;
  spoken: Spoken;
  /** Instead of our own; if it is empty, nothing stands above the form. */
  heading: string | undefined;
  send: (signUp: SignUp) => Promise<Outcome>;
}): Drawn {
  const [dir, title, legend, emailName, submitName, ...rest] = spoken;
  const [sendingText, unreachable, failed, doneText, next, anotherName, consent, consentVersion] = rest;
  const heading = wanted ?? title;
  const choices = lists.map(([slug, name, description], index) => {
    const box = make('input', {
      type: 'checkbox',
      name: 'lists',
      value: slug,
      id: `list${index}`,
      // What is empty is not read out, so the place of an error may be named before there is one.
      'aria-describedby': `about${index} lists-error`,
    });
    // The publisher's words may be of another script than ours (W-06).
    const label = make('label', { for: box.id }, make('bdi', {}, name));
    return {
      box,
      row: make(
        'div',
        { class: 'choice' },
        box,
        label,
        make('p', { id: `about${index}` }, make('bdi', {}, description)),
      ),
    };
  });
  const boxes = choices.map(({ box }) => box);
  const listsError = make('p', { class: 'error', id: 'lists-error' });
  const email = make('input', {
    type: 'email',
    name: 'email',
    id: 'email',
    autocomplete: 'email',
    inputmode: 'email',
    required: '',
    'aria-describedby': 'email-error',
  });
  const emailError = make('p', { class: 'error', id: 'email-error' });
  const submit = make('span', {}, submitName);
  const button = make('button', { 'aria-describedby': 'consent' }, submit);
  // Both are there before they have something to say; else it would not be read out (WCAG 4.1.3).
  const alert = make('p', { class: 'error', role: 'alert' });
  const status = make('p', { class: 'unseen', role: 'status' });

  const form = make(
    'form',
    { novalidate: '', 'aria-label': heading || title },
    ...(heading ? [make('h2', {}, heading)] : []),
    make(
      'fieldset',
      {},
      make('legend', {}, legend),
      listsError,
      make('div', { class: 'choices' }, ...choices.map(({ row }) => row)),
    ),
    make('label', { for: 'email', class: 'name' }, emailName),
    emailError,
    make('div', { class: 'row' }, email, button),
    alert,
    make('p', { id: 'consent' }, consent),
  );

  const doneTitle = make('h2', { tabindex: '-1', 'aria-describedby': 'next' }, doneText);
  const another = make('button', { type: 'button' }, make('span', {}, anotherName));
  const done = make('div', {}, doneTitle, make('p', { id: 'next' }, next), another);

  const root = make('div', { class: 'root', lang: locale, dir }, form, status);

  const places = [
    { field: 'lists', controls: boxes, error: listsError },
    { field: 'email', controls: [email], error: emailError },
  ];
  function show(faults: Fault[]): void {
    const sayOf = (concerned: Fault[]) => concerned.map(({ message }) => message).join(' ');
    for (const { field, controls, error } of places) {
      error.textContent = sayOf(faults.filter((fault) => fault.field === field));
      for (const control of controls) {
        if (error.textContent) control.setAttribute('aria-invalid', 'true');
        else control.removeAttribute('aria-invalid');
      }
    }
    // What has no place beside a field is still said.
    alert.textContent = sayOf(faults.filter((fault) => places.every(({ field }) => field !== fault.field)));
    form.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  }

  let sending = false;
  function setSending(value: boolean): void {
    sending = value;
    status.textContent = value ? sendingText : '';
    submit.textContent = value ? sendingText : submitName;
    // Not `disabled`, which would take the focus away from whoever pressed it.
    button.setAttribute('aria-disabled', String(value));
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (sending) return;
    setSending(true);
    alert.textContent = '';
    const outcome = await send({
      email: email.value,
      lists: boxes.filter((box) => box.checked).map((box) => box.value),
      consentVersion,
      locale,
    });
    setSending(false);
    if (outcome === 'accepted') {
      show([]);
      // What stands below stays where it is.
      root.style.minHeight = `${root.offsetHeight}px`;
      form.replaceWith(done);
      doneTitle.focus();
    } else if (typeof outcome === 'string') {
      show([]);
      alert.textContent = outcome === 'failed' ? failed : unreachable;
    } else {
      show(outcome);
    }
  });

  another.addEventListener('click', () => {
    form.reset();
    root.style.minHeight = '';
    done.replaceWith(form);
    email.focus();
  });

  return {
    root,
    resume(typed, focused) {
      const chosen = [...typed.getAll('lists'), ...typed.getAll('lists[]')];
      for (const box of boxes) box.checked = chosen.includes(box.value);
      email.value = String(typed.get('email') ?? '');
      [email, ...boxes]
        .find(({ name, value }) => name === focused?.name && value === focused.value)
        ?.focus({ preventScroll: true });
    },
  };
}
