import { Fragment } from 'react';
import { HiddenField } from './fields.tsx';
import { PageLayout, useLanguage } from './layout.tsx';
import { ListNames } from './list-names.tsx';

type List = { slug: string; name: string };

type UnsubscribedPageProps = {
  /** What this press left; nothing when it was repeated. */
  left: readonly List[];
  remaining: readonly List[];
  preferencesUrl: string;
  /** What undoing it consents to once more. */
  consent: { version: string; text: string; locale: string };
};

/**
 * The answer to every press of an unsubscribe button (U-25), with the way back (WCAG 3.3.4). Undoing asks
 * by mail, as links get forwarded and nobody is raised without a newer consent of their own (I2).
 */
export function UnsubscribedPage({ left, remaining, preferencesUrl, consent }: UnsubscribedPageProps) {
  const { text } = useLanguage();
  const title = text(titleFor(left.length, remaining.length));
  return (
    <PageLayout title={title}>
      <h1>{title}</h1>
      {left.length > 0 ? (
        <>
          <p>{text('unsubscribed.left')}</p>
          <ListNames lists={left} />
        </>
      ) : (
        <p>{text('unsubscribed.nothingToDo')}</p>
      )}
      {remaining.length > 0 ? (
        <>
          <p>{text('unsubscribed.remaining')}</p>
          <ListNames lists={remaining} />
        </>
      ) : (
        <p>{text('unsubscribed.none')}</p>
      )}
      {left.length > 0 && (
        <section>
          <h2>{text('unsubscribed.mistake')}</h2>
          <form method="post" action={preferencesUrl}>
            {left.map(({ slug }) => (
              <Fragment key={slug}>
                <HiddenField name="lists" value={slug} />
                <HiddenField name="shown" value={slug} />
              </Fragment>
            ))}
            <HiddenField name="consentVersion" value={consent.version} />
            <p id="undo">{text('unsubscribed.undoNote')}</p>
            <button type="submit" className="quiet" aria-describedby="undo consent">
              {text('unsubscribed.undo')}
            </button>
            <p className="small" id="consent" lang={consent.locale}>
              {consent.text}
            </p>
          </form>
        </section>
      )}
      <p>
        <a className="action" href={preferencesUrl}>
          {text('unsubscribed.preferences')}
        </a>
      </p>
    </PageLayout>
  );
}

function titleFor(left: number, remaining: number) {
  if (left > 0) return 'unsubscribed.title';
  return remaining > 0 ? 'unsubscribed.titleBefore' : 'notSubscribed.title';
}
