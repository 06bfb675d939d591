import { PageLayout, useLanguage } from './layout.tsx';

/** What follows a sign-up. Knows nothing of its outcome, so it cannot tell who is subscribed (I9, A-04). */
export function ThanksPage() {
  const { text } = useLanguage();
  return (
    <PageLayout title={text('thanks.title')}>
      <h1>{text('thanks.title')}</h1>
      <p>{text('thanks.next')}</p>
      <p>{text('thanks.otherwise')}</p>
      <h2>{text('thanks.missing')}</h2>
      <ul>
        <li>{text('thanks.spam')}</li>
        <li>{text('thanks.typo')}</li>
        <li>{text('thanks.already')}</li>
      </ul>
    </PageLayout>
  );
}
