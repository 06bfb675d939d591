import type { HTMLInputAutoCompleteAttribute } from 'react';
import { PageLayout, type Site } from './layout.tsx';
import { ListChoices, listChoiceId } from './list-choices.tsx';
import { texts } from './texts.ts';

const text = texts.signUp;

type FieldError = { field: string; message: string };

type SignUpPageProps = {
  site: Site;
  consent: { version: string; text: string };
  lists: readonly { slug: string; name: string; description: string }[];
  /** What a refused form held, to be shown again. */
  typed?: {
    email?: string | undefined;
    lists?: readonly string[] | undefined;
    firstName?: string | undefined;
    source?: string | undefined;
    redirect?: string | undefined;
    locale?: string | undefined;
  };
  errors?: readonly FieldError[];
};

/**
 * The hosted form. With errors it says so in the title, in a summary that takes the focus, and beside
 * each field (WCAG 3.3.1). The browser's own checks are off (`noValidate`): they know nothing of "at
 * least one list", and two voices for one form confuse. The consent version that is sent is always that
 * of the text shown here, whatever an earlier form showed (C-03).
 */
export function SignUpPage({ site, consent, lists, typed = {}, errors = [] }: SignUpPageProps) {
  const firstNameError = messageFor('firstName', errors);
  const failed = errors.length > 0;
  return (
    <PageLayout site={site} title={failed ? text.titleWithErrors : text.title}>
      {failed && <ErrorSummary errors={errors} listsAnchor={lists[0] && listChoiceId(lists[0].slug)} />}
      <h1>{text.title}</h1>
      {lists.length === 0 ? (
        <p>{text.nothingOffered}</p>
      ) : (
        <form method="post" action="/subscriptions" noValidate>
          <p>{text.intro}</p>
          <ListChoices
            legend={text.legend}
            choices={lists.map((list) => ({ ...list, ticked: typed.lists?.includes(list.slug) ?? false }))}
            error={messageFor('lists', errors)}
          />
          <Field
            name="email"
            type="email"
            autoComplete="email"
            label={text.email}
            value={typed.email}
            error={messageFor('email', errors)}
            required
          />
          {(typed.firstName !== undefined || firstNameError) && (
            <Field
              name="firstName"
              type="text"
              autoComplete="given-name"
              label={text.firstName}
              value={typed.firstName}
              error={firstNameError}
            />
          )}
          <HiddenField name="consentVersion" value={consent.version} />
          <HiddenField name="source" value={typed.source} />
          <HiddenField name="redirect" value={typed.redirect} />
          <HiddenField name="locale" value={typed.locale} />
          <button type="submit" aria-describedby="consent">
            {text.submit}
          </button>
          <p className="small" id="consent">
            {consent.text}
          </p>
        </form>
      )}
    </PageLayout>
  );
}

function messageFor(field: string, errors: readonly FieldError[]): string | undefined {
  const messages = errors.filter((error) => error.field === field).map((error) => error.message);
  return messages.length > 0 ? messages.join(' ') : undefined;
}

/** All errors, those of fields that this form does not show included; the others link to their field. */
function ErrorSummary({
  errors,
  listsAnchor,
}: {
  errors: readonly FieldError[];
  listsAnchor: string | undefined;
}) {
  const anchors = new Map([
    ['lists', listsAnchor],
    ['email', 'email'],
    ['firstName', 'firstName'],
  ]);
  return (
    // biome-ignore lint/a11y/noAutofocus: the page came back because of these errors, so reading starts here.
    <div className="summary" role="alert" tabIndex={-1} autoFocus>
      <h2>{text.problems}</h2>
      <ul>
        {errors.map(({ field, message }) => {
          const anchor = anchors.get(field);
          return (
            <li key={`${field} ${message}`}>{anchor ? <a href={`#${anchor}`}>{message}</a> : message}</li>
          );
        })}
      </ul>
    </div>
  );
}

function Field({
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

function HiddenField({ name, value }: { name: string; value: string | undefined }) {
  return value === undefined ? null : <input type="hidden" name={name} value={value} />;
}
