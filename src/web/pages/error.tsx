import { PageLayout, useLanguage } from './layout.tsx';

/** Anything else that went wrong, in words for a reader. */
export function ErrorPage({ status, signUpUrl }: { status: number; signUpUrl: string }) {
  const { text } = useLanguage();
  const problem = problemOf(status);
  const title = text(`problem.${problem}.title`);
  return (
    <PageLayout title={title}>
      <h1>{title}</h1>
      <p>{text(`problem.${problem}.message`)}</p>
      {(problem === 'notFound' || problem === 'forbidden') && (
        <p>
          <a className="action" href={signUpUrl}>
            {text('problem.signUp')}
          </a>
        </p>
      )}
    </PageLayout>
  );
}

function problemOf(status: number) {
  if (status >= 500) return 'failed';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  return status === 429 ? 'tooMany' : 'badRequest';
}
