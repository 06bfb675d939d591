import type { HTMLInputAutoCompleteAttribute, ReactNode } from 'react';
import { useLanguage } from './layout.tsx';

/** A fault of one field, in words for the reader. */
export type FieldError = { field: string; message: string };

/** What is wrong with one field, as one text. */
export function messageFor(field: string, errors: readonly FieldError[]): string | undefined {
  const messages = errors.filter((error) => error.field === field).map((error) => error.message);
  return messages.length > 0 ? messages.join(' ') : undefined;
}

/**
 * All errors, those of fields that the form does not show included; the others link to their field
 * (WCAG 3.3.1).
 * @param anchors the element of each field that is shown
 */
export function ErrorSummary({
  errors,
  anchors,
}: {
  errors: readonly FieldError[];
  anchors: Readonly<Record<string, string | undefined>>;
}) {
  const { text } = useLanguage();
  return (
    // biome-ignore lint/a11y/noAutofocus: the page came back because of these errors, so reading starts here.
    <div className="summary" role="alert" tabIndex={-1} autoFocus>
      <h2>{text('signUp.problems')}</h2>
      <ul>
        {errors.map(({ field, message }) => {
          const anchor = anchors[field];
          return (
            <li key={`${field} ${message}`}>{anchor ? <a href={`#${anchor}`}>{message}</a> : message}</li>
          );
        })}
      </ul>
    </div>
  );
}

/** A labelled line of text, its error above it. */
export function Field({
  name,
  type,
  autoComplete,
  label,
  value,
  error,
  required = false,
}: {
  name: string;
  type: 'email' | 'text';
  autoComplete: HTMLInputAutoCompleteAttribute;
  label: string;
  value: string | undefined;
  error: string | undefined;
  required?: boolean;
}) {
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      {error && (
        <p className="error" id={`${name}-error`}>
          {error}
        </p>
      )}
      <input
        type={type}
        name={name}
        id={name}
        // An address reads from the left in every language.
        dir={type === 'email' ? 'ltr' : undefined}
        autoComplete={autoComplete}
        defaultValue={value}
        required={required}
        spellCheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={error && `${name}-error`}
      />
    </div>
  );
}

/** A value that goes along with a form; none when there is none. */
export function HiddenField({ name, value }: { name: string; value: string | undefined }) {
  return value === undefined ? null : <input type="hidden" name={name} value={value} />;
}

/** What a form carries to show that it is ours and that a reader filled it in. */
export interface FormProof {
  nonce: string;
  /** ALTCHA's, for the script to solve; null: none is asked. */
  challenge: object | null;
}

/** A form that can cause a mail, with what the guard behind it looks at. */
export function GuardedForm({
  action,
  proof: { nonce, challenge },
  children,
}: {
  action: string;
  proof: FormProof;
  children: ReactNode;
}) {
  const { text } = useLanguage();
  return (
    <form
      method="post"
      action={action}
      noValidate
      data-challenge={challenge ? JSON.stringify(challenge) : undefined}
      data-solving={challenge ? text('embed.sending') : undefined}
    >
      {children}
      <HiddenField name="nonce" value={nonce} />
      {/* Hidden from readers, but not from what fills in every field it finds. */}
      <div hidden>
        <label htmlFor="message">{text('signUp.honeypot')}</label>
        <input type="text" name="message" id="message" tabIndex={-1} autoComplete="off" />
      </div>
      {challenge && (
        <>
          <noscript>
            <p className="error">{text('signUp.needsScript')}</p>
          </noscript>
          <script type="module" src="/altcha.js" />
        </>
      )}
    </form>
  );
}
