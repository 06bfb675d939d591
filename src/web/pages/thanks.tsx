import { PageLayout, type Site } from './layout.tsx';
import { texts } from './texts.ts';

const text = texts.thanks;

/** What follows a sign-up. Knows nothing of its outcome, so it cannot tell who is subscribed (I9, A-04). */
export function ThanksPage({ site }: { site: Site }) {
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      <p>{text.next}</p>
      <p>{text.otherwise}</p>
      <h2>{text.missing}</h2>
      <ul>
        <li>{text.spam}</li>
        <li>{text.typo}</li>
        <li>{text.already}</li>
      </ul>
    </PageLayout>
  );
}
