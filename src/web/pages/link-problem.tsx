import { PageLayout, type Site } from './layout.tsx';
import { texts } from './texts.ts';

type LinkProblemPageProps = {
  site: Site;
  problem: 'unknown' | 'expired' | 'withdrawn';
  signUpUrl: string;
};

/** A confirmation link that can no longer confirm: what happened, and the way on. */
export function LinkProblemPage({ site, problem, signUpUrl }: LinkProblemPageProps) {
  const text = texts.linkProblem[problem];
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      <p>{text.message}</p>
      <p>{text.next}</p>
      <p>
        <a className="action" href={signUpUrl}>
          {texts.linkProblem.signUp}
        </a>
      </p>
    </PageLayout>
  );
}
