import { PageLayout, type Site } from './layout.tsx';

/** Anything else that went wrong, in words that the caller chose for a reader. */
export function ErrorPage({ site, title, message }: { site: Site; title: string; message: string }) {
  return (
    <PageLayout site={site} title={title}>
      <h1>{title}</h1>
      <p>{message}</p>
    </PageLayout>
  );
}
