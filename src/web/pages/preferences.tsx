import { HiddenField } from './fields.tsx';
import { PageLayout, useLanguage } from './layout.tsx';
import { ListChoices } from './list-choices.tsx';
import { PostButton } from './post-button.tsx';

type Names = readonly { name: string }[];

/** What the last press of a button on the page did. */
export type PreferencesNews =
  | {
      type: 'chosen';
      left: Names;
      asked: Names;
      refused: { why: 'capped' | 'declined'; lists: Names } | null;
    }
  | { type: 'mailed'; what: 'copy' | 'erasure' }
  | { type: 'allowed' }
  /** Nothing was done, as the page was not sent as it was shown. */
  | { type: 'stale' };

type PreferencesPageProps = {
  lists: readonly {
    slug: string;
    name: string;
    description: string;
    state: 'subscribed' | 'pending' | 'none';
  }[];
  /** The owner of the address wants no mails that a stranger could cause. */
  declined: boolean;
  action: string;
  unsubscribeAction: string;
  consent: { version: string; text: string; locale: string };
  news?: PreferencesNews | undefined;
};

/**
 * The lists of one person, known by the link alone: shows neither address nor name, for mails get
 * forwarded (C-27). A pending list is ticked, so that saving does not withdraw it by accident; what the
 * page shows goes along, so that a stale page does not leave what was joined since.
 */
export function PreferencesPage(props: PreferencesPageProps) {
  const { lists, declined, action, unsubscribeAction, consent, news } = props;
  const { text } = useLanguage();
  return (
    <PageLayout title={text(titleFor(news))}>
      {news && <News news={news} />}
      <h1>{text('preferences.title')}</h1>
      {declined && (
        <section className="plain">
          <p>{text('preferences.declined')}</p>
          <AskButton action={action} value="allow" label={text('preferences.allow')} />
        </section>
      )}
      <form method="post" action={action}>
        <p>{text('preferences.intro')}</p>
        <ListChoices
          legend={text('preferences.legend')}
          choices={lists.map((list) => ({
            ...list,
            ticked: list.state !== 'none',
            note: list.state === 'pending' ? text('preferences.pending') : undefined,
          }))}
        />
        {lists.map(({ slug }) => (
          <HiddenField name="shown" value={slug} key={slug} />
        ))}
        <HiddenField name="consentVersion" value={consent.version} />
        <p>{text('preferences.newOnes')}</p>
        <button type="submit" aria-describedby="consent">
          {text('preferences.submit')}
        </button>
        <p className="small" id="consent" lang={consent.locale}>
          {consent.text}
        </p>
      </form>
      {lists.some((list) => list.state !== 'none') && (
        <section>
          <h2>{text('preferences.allHeading')}</h2>
          <PostButton action={unsubscribeAction} label={text('preferences.leaveAll')} quiet />
        </section>
      )}
      <section>
        <h2>{text('preferences.dataHeading')}</h2>
        <p>{text('preferences.copyNote')}</p>
        <AskButton action={action} value="copy" label={text('preferences.copy')} />
        <p>{text('preferences.eraseNote')}</p>
        <AskButton action={action} value="erase" label={text('preferences.erase')} />
      </section>
    </PageLayout>
  );
}

/** A button beside the choices that sends none of them. */
function AskButton({ action, value, label }: { action: string; value: string; label: string }) {
  return (
    <form method="post" action={action}>
      <button type="submit" className="quiet" name="action" value={value}>
        {label}
      </button>
    </form>
  );
}

function titleFor(news: PreferencesNews | undefined) {
  if (news?.type === 'chosen') return 'preferences.titleSaved';
  return news?.type === 'mailed' ? 'preferences.titleMailed' : 'preferences.title';
}

function News({ news }: { news: PreferencesNews }) {
  const { text, names } = useLanguage();
  if (news.type === 'stale') {
    return (
      <div className="summary" role="alert">
        <p>{text('fault.stale')}</p>
      </div>
    );
  }
  return (
    <div className="summary saved" role="status">
      {news.type === 'chosen' && <Chosen {...news} />}
      {news.type === 'allowed' && <p className="lead">{text('preferences.allowed')}</p>}
      {news.type === 'mailed' && (
        <>
          <p>{text(news.what === 'copy' ? 'preferences.copyMailed' : 'preferences.eraseMailed')}</p>
          <p>{text('preferences.mailLimit')}</p>
        </>
      )}
    </div>
  );

  function Chosen({ left, asked, refused }: Extract<PreferencesNews, { type: 'chosen' }>) {
    return (
      <>
        <p className="lead">{text('preferences.saved')}</p>
        {left.length > 0 && <p>{text('preferences.left', { lists: names(left) })}</p>}
        {asked.length > 0 && <p>{text('preferences.asked', { lists: names(asked) })}</p>}
        {refused?.why === 'capped' && <p>{text('preferences.tooMany', { lists: names(refused.lists) })}</p>}
        {refused?.why === 'declined' && <p>{text('preferences.declined')}</p>}
      </>
    );
  }
}
