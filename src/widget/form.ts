import { make } from './make.ts';
import type { OfferedList, Spoken } from './offered.ts';
import type { Fault, Outcome, SignUp } from './send.ts';

/** What a reader entered so far. */
export interface Draft {
  email: string;
  lists: string[];
}

/** The drawn form: where it stands, and how to put a draft into it. */
export interface Drawn {
  root: HTMLElement;
  /** @param focused the name and value of the field that the reader was in, to go on there */
  resume(draft: Draft, focused: { name: string; value: string } | null): void;
}

/**
 * Draws the form in one language and sees to it: sends, shows progress and errors in place, and says what
 * comes next. Only the service judges what was entered, so that there is one voice for errors.
 */
export function drawForm({
  lists,
  locale,
  spoken,
  heading,
  send,
}: {
  lists: OfferedList[];
  locale: string;
  spoken: Spoken;
  /** Nothing stands above the form if it is empty. */
  heading: string;
  send: (signUp: SignUp) => Promise<Outcome>;
}): Drawn {
  const choices = lists.map(({ slug, name, description }, index) => {
    const box = make('input', {
      type: 'checkbox',
      name: 'lists',
      value: slug,
      id: `list${index}`,
      // What is empty is not read out, so the place of an error may be named before there is one.
      'aria-describedby': `about${index} lists-error`,
    });
    const label = make('label', { for: box.id }, name);
    return {
      box,
      row: make('div', { class: 'choice' }, box, label, make('p', { id: `about${index}` }, description)),
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
    autocapitalize: 'off',
    spellcheck: 'false',
    required: '',
    'aria-describedby': 'email-error',
  });
  const emailError = make('p', { class: 'error', id: 'email-error' });
  const submit = make('span', {}, spoken.submit);
  const button = make('button', { 'aria-describedby': 'consent' }, submit);
  // Both are there before they have something to say; else it would not be read out (WCAG 4.1.3).
  const alert = make('p', { class: 'error', role: 'alert' });
  const status = make('p', { class: 'unseen', role: 'status' });

  const form = make(
    'form',
    { novalidate: '', 'aria-label': heading || spoken.title },
    ...(heading ? [make('h2', {}, heading)] : []),
    make(
      'fieldset',
      {},
      make('legend', {}, spoken.legend),
      listsError,
      make('div', { class: 'choices' }, ...choices.map(({ row }) => row)),
    ),
    make('label', { for: 'email', class: 'name' }, spoken.email),
    emailError,
    make('div', { class: 'row' }, email, button),
    alert,
    make('p', { id: 'consent', class: 'consent', lang: spoken.consent.locale }, spoken.consent.text),
  );

  const doneTitle = make('h2', { tabindex: '-1', 'aria-describedby': 'next' }, spoken.done);
  const another = make('button', { type: 'button' }, make('span', {}, spoken.another));
  const done = make('div', {}, doneTitle, make('p', { id: 'next' }, spoken.next), another);

  const root = make('div', { class: 'root', lang: locale, dir: spoken.dir }, form, status);

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
    status.textContent = value ? spoken.sending : '';
    submit.textContent = value ? spoken.sending : spoken.submit;
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
      consentVersion: spoken.consent.version,
      locale,
    });
    setSending(false);
    if (outcome === 'accepted') {
      show([]);
      // What stands below stays where it is.
      root.style.minHeight = `${root.offsetHeight}px`;
      form.replaceWith(done);
      doneTitle.focus();
    } else {
      show(typeof outcome === 'string' ? [{ field: '', message: spoken[outcome] }] : outcome.faults);
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
    resume(draft, focused) {
      email.value = draft.email;
      for (const box of boxes) box.checked = draft.lists.includes(box.value);
      const isFocused = (box: HTMLInputElement) => focused?.name === 'lists' && box.value === focused.value;
      const control = focused?.name === 'email' ? email : boxes.find(isFocused);
      control?.focus({ preventScroll: true });
    },
  };
}
