import { PageLayout, type Site } from './layout.tsx';
import { ListNames } from './list-names.tsx';
import { texts } from './texts.ts';

const text = texts.unsubscribed;

type UnsubscribedPageProps = {
  site: Site;
  /** What this press left; nothing when it was repeated. */
  left: readonly { name: string }[];
  remaining: readonly { name: string }[];
  preferencesUrl: string;
};

/** The answer to every press of an unsubscribe button (U-25), with the way back (WCAG 3.3.4). */
export function UnsubscribedPage({ site, left, remaining, preferencesUrl }: UnsubscribedPageProps) {
  const title = titleFor(left.length, remaining.length);
  return (
    <PageLayout site={site} title={title}>
      <h1>{title}</h1>
      {left.length > 0 ? (
        <>
          <p>{text.left}</p>
          <ListNames lists={left} />
        </>
      ) : (
        <p>{text.nothingToDo}</p>
      )}
      {remaining.length > 0 ? (
        <>
          <p>{text.remaining}</p>
          <ListNames lists={remaining} />
        </>
      ) : (
        <p>{text.none}</p>
      )}
      <p>{text.mistake}</p>
      <p>
        <a className="action" href={preferencesUrl}>
          {text.preferences}
        </a>
      </p>
    </PageLayout>
  );
}

function titleFor(left: number, remaining: number): string {
  if (left > 0) return text.title;
  return remaining > 0 ? text.titleBefore : texts.notSubscribed.title;
}
