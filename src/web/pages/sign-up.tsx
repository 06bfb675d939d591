import {
  ErrorSummary,
  Field,
  type FieldError,
  type FormProof,
  GuardedForm,
  HiddenField,
  messageFor,
} from './fields.tsx';
import { PageLayout, useLanguage } from './layout.tsx';
import { ListChoices, listChoiceId } from './list-choices.tsx';

type SignUpPageProps = {
  consent: { version: string; text: string; locale: string };
  lists: readonly { slug: string; name: string; description: string }[];
  /** What a refused form held, to be shown again. */
  typed?: {
    email?: string | undefined;
    lists?: readonly string[] | undefined;
    firstName?: string | undefined;
    source?: string | undefined;
    redirect?: string | undefined;
  };
  errors?: readonly FieldError[];
  myLinkUrl: string;
  proof: FormProof;
};

/**
 * The hosted form. With errors it says so in the title, in a summary that takes the focus, and beside
 * each field (WCAG 3.3.1). The browser's own checks are off (`noValidate`): they know nothing of "at
 * least one list", and two voices for one form confuse. The consent version that is sent is always that
 * of the text shown here, whatever an earlier form showed (C-03).
 */
export function SignUpPage({ consent, lists, typed = {}, errors = [], myLinkUrl, proof }: SignUpPageProps) {
  const { text, locale } = useLanguage();
  const firstNameError = messageFor('firstName', errors);
  const failed = errors.length > 0;
  const anchors = {
    lists: lists[0] && listChoiceId(lists[0].slug),
    email: 'email',
    firstName: 'firstName',
  };
  return (
    <PageLayout title={text(failed ? 'signUp.titleWithErrors' : 'signUp.title')}>
      {failed && <ErrorSummary errors={errors} anchors={anchors} />}
      <h1>{text('signUp.title')}</h1>
      {lists.length === 0 ? (
        <p>{text('signUp.nothingOffered')}</p>
      ) : (
        <GuardedForm action="/subscriptions" proof={proof}>
          <ListChoices
            legend={text('signUp.legend')}
            choices={lists.map((list) => ({ ...list, ticked: typed.lists?.includes(list.slug) ?? false }))}
            error={messageFor('lists', errors)}
          />
          <Field
            name="email"
            type="email"
            autoComplete="email"
            label={text('signUp.email')}
            value={typed.email}
            error={messageFor('email', errors)}
            required
          />
          {(typed.firstName !== undefined || firstNameError) && (
            <Field
              name="firstName"
              type="text"
              autoComplete="given-name"
              label={text('signUp.firstName')}
              value={typed.firstName}
              error={firstNameError}
            />
          )}
          <HiddenField name="consentVersion" value={consent.version} />
          <HiddenField name="source" value={typed.source} />
          <HiddenField name="redirect" value={typed.redirect} />
          <HiddenField name="locale" value={locale} />
          <button type="submit" aria-describedby="consent">
            {text('signUp.submit')}
          </button>
          <p className="small" id="consent" lang={consent.locale}>
            {consent.text}
          </p>
        </GuardedForm>
      )}
      <p>
        <a className="action quiet" href={myLinkUrl}>
          {text('signUp.already')}
        </a>
      </p>
    </PageLayout>
  );
}
