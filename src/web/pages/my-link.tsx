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
import { NoticePage } from './notice.tsx';

type MyLinkPageProps = {
  action: string;
  typed?: string | undefined;
  errors?: readonly FieldError[];
  proof: FormProof;
};

/** For whoever has no mail of ours any more: an address is typed, and its links are mailed there. */
export function MyLinkPage({ action, typed, errors = [], proof }: MyLinkPageProps) {
  const { text, locale } = useLanguage();
  const failed = errors.length > 0;
  return (
    <PageLayout title={text(failed ? 'myLink.titleWithErrors' : 'myLink.title')}>
      {failed && <ErrorSummary errors={errors} anchors={{ email: 'email' }} />}
      <h1>{text('myLink.title')}</h1>
      <GuardedForm action={action} proof={proof}>
        <p>{text('myLink.intro')}</p>
        <Field
          name="email"
          type="email"
          autoComplete="email"
          label={text('signUp.email')}
          value={typed}
          error={messageFor('email', errors)}
          required
        />
        <HiddenField name="locale" value={locale} />
        <button type="submit">{text('myLink.submit')}</button>
      </GuardedForm>
    </PageLayout>
  );
}

/** The same for every address, known or not (I9, A-27). */
export const MyLinkSentPage = () => (
  <NoticePage title="myLink.sent.title" says={['myLink.sent.message', 'myLink.sent.limit', 'thanks.spam']} />
);
