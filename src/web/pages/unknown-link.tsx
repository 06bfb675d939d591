import { PageLayout, type Site } from './layout.tsx';
import { texts } from './texts.ts';

const text = texts.unknownLink;

/**
 * An unsubscribe or preferences link that we do not know. Asks for no address: whoever types one could
 * be anybody.
 */
export function UnknownLinkPage({ site }: { site: Site }) {
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      <p>{text.message}</p>
      <p>{text.next}</p>
    </PageLayout>
  );
}
