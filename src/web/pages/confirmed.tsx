import { PageLayout, type Site } from './layout.tsx';
import { ListNames } from './list-names.tsx';
import { texts } from './texts.ts';

const text = texts.confirmed;

type ConfirmedPageProps = {
  site: Site;
  lists: readonly { name: string }[];
  preferencesUrl: string;
};

/** The answer to every press of the confirm button, the first and the later ones (U-25). */
export function ConfirmedPage({ site, lists, preferencesUrl }: ConfirmedPageProps) {
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      <p>{text.intro}</p>
      <ListNames lists={lists} />
      <p>{text.leaving}</p>
      <p>
        <a className="action" href={preferencesUrl}>
          {text.preferences}
        </a>
      </p>
    </PageLayout>
  );
}
