import { PageLayout, useLanguage } from './layout.tsx';
import { NoticePage } from './notice.tsx';
import { PostButton } from './post-button.tsx';

type List = { slug: string; name: string };

type UnsubscribePageProps = {
  /** What the person is on. */
  lists: readonly List[];
  /** The list whose mail the link stood in. */
  only?: List | undefined;
  /** Leaves all lists; with `?list=slug`, that one. */
  action: string;
  preferencesUrl: string;
};

/**
 * Behind the footer link of every mail. One press leaves: no login, no survey, no address (U-18, U-19,
 * C-27); "all" is always on offer.
 */
export function UnsubscribePage({ lists, only, action, preferencesUrl }: UnsubscribePageProps) {
  const { text, names } = useLanguage();
  const [first, ...others] = lists;
  if (!first) return <NotSubscribedPage />;

  const leave = (list: List) => `${action}?list=${encodeURIComponent(list.slug)}`;
  const current = lists.find((list) => list.slug === only?.slug);
  return (
    <PageLayout title={text('unsubscribe.title')}>
      <h1>{text('unsubscribe.title')}</h1>
      {others.length === 0 ? (
        <>
          <p>{text('unsubscribe.one', { list: first.name })}</p>
          <PostButton action={action} label={text('unsubscribe.leaveOne', { list: first.name })} />
        </>
      ) : current ? (
        <>
          <p>{text('unsubscribe.subscribedTo', { lists: names(lists) })}</p>
          <PostButton action={leave(current)} label={text('unsubscribe.leaveOnly', { list: current.name })} />
          <PostButton action={action} label={text('unsubscribe.leaveAll')} quiet />
        </>
      ) : (
        <>
          <p>{text('unsubscribe.all')}</p>
          <PostButton action={action} label={text('unsubscribe.leaveAll')} />
          <h2>{text('unsubscribe.single')}</h2>
          {lists.map((list) => (
            <PostButton
              key={list.slug}
              action={leave(list)}
              label={text('unsubscribe.leaveOnly', { list: list.name })}
              quiet
            />
          ))}
        </>
      )}
      <p>
        <a className="action quiet" href={preferencesUrl}>
          {text('unsubscribe.more')}
        </a>
      </p>
    </PageLayout>
  );
}

/** For whoever is on no list, erased people among them. */
export const NotSubscribedPage = () => (
  <NoticePage title="notSubscribed.title" says={['notSubscribed.message']} />
);
