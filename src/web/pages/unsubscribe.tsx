import { PageLayout, type Site } from './layout.tsx';
import { PostButton } from './post-button.tsx';
import { texts } from './texts.ts';

const text = texts.unsubscribe;

type List = { slug: string; name: string };

type UnsubscribePageProps = {
  site: Site;
  /** What the person is on. */
  lists: readonly List[];
  /** The list whose mail the link stood in. */
  only?: List | undefined;
  /** Leaves all lists; with `?list=slug`, that one. */
  action: string;
};

/**
 * Behind the footer link of every mail. One press leaves: no login, no survey, no address (U-18, U-19,
 * C-27); "all" is always on offer.
 */
export function UnsubscribePage({ site, lists, only, action }: UnsubscribePageProps) {
  const [first, ...others] = lists;
  if (!first) return <NotSubscribed site={site} />;

  const leave = (list: List) => `${action}?list=${encodeURIComponent(list.slug)}`;
  const current = lists.find((list) => list.slug === only?.slug);
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      {others.length === 0 ? (
        <>
          <p>{text.one(first.name)}</p>
          <PostButton action={action} label={text.leaveOne(first.name)} />
        </>
      ) : current ? (
        <>
          <p>{text.subscribedTo(lists)}</p>
          <PostButton action={leave(current)} label={text.leaveOnly(current.name)} />
          <PostButton action={action} label={text.leaveAll} quiet />
        </>
      ) : (
        <>
          <p>{text.all}</p>
          <PostButton action={action} label={text.leaveAll} />
          <h2>{text.single}</h2>
          {lists.map((list) => (
            <PostButton key={list.slug} action={leave(list)} label={text.leaveOnly(list.name)} quiet />
          ))}
        </>
      )}
    </PageLayout>
  );
}

function NotSubscribed({ site }: { site: Site }) {
  return (
    <PageLayout site={site} title={texts.notSubscribed.title}>
      <h1>{texts.notSubscribed.title}</h1>
      <p>{texts.notSubscribed.message}</p>
    </PageLayout>
  );
}
