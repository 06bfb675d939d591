import { PageLayout, type Site } from './layout.tsx';
import { ListChoices } from './list-choices.tsx';
import { PostButton } from './post-button.tsx';
import { texts } from './texts.ts';

const text = texts.preferences;

type PreferencesPageProps = {
  site: Site;
  lists: readonly {
    slug: string;
    name: string;
    description: string;
    state: 'subscribed' | 'pending' | 'none';
  }[];
  action: string;
  unsubscribeAction: string;
  consentText: string;
  consentVersion: string;
  /** What the press of Save did: lists left, and lists to be confirmed by mail. */
  saved?: { left: readonly { name: string }[]; asked: readonly { name: string }[] } | undefined;
};

/**
 * The lists of one person, known by the link alone: shows neither address nor name, for mails get
 * forwarded (C-27). A pending list is ticked, so that saving does not withdraw it by accident.
 */
export function PreferencesPage(props: PreferencesPageProps) {
  const { site, lists, action, unsubscribeAction, consentText, consentVersion, saved } = props;
  return (
    <PageLayout site={site} title={saved ? text.titleSaved : text.title}>
      {saved && (
        <div className="summary saved" role="status">
          <p>{text.saved}</p>
          {saved.left.length > 0 && <p>{text.left(saved.left)}</p>}
          {saved.asked.length > 0 && <p>{text.asked(saved.asked)}</p>}
        </div>
      )}
      <h1>{text.title}</h1>
      <form method="post" action={action}>
        <p>{text.intro}</p>
        <ListChoices
          legend={text.legend}
          choices={lists.map((list) => ({
            ...list,
            ticked: list.state !== 'none',
            note: list.state === 'pending' ? text.pending : undefined,
          }))}
        />
        <input type="hidden" name="consentVersion" value={consentVersion} />
        <p>{text.newOnes}</p>
        <button type="submit" aria-describedby="consent">
          {text.submit}
        </button>
        <p className="small" id="consent">
          {consentText}
        </p>
      </form>
      {lists.some((list) => list.state !== 'none') && (
        <section>
          <h2>{text.allHeading}</h2>
          <PostButton action={unsubscribeAction} label={text.leaveAll} quiet />
        </section>
      )}
    </PageLayout>
  );
}
