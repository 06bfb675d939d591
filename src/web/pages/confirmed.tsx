import { PageLayout, useLanguage } from './layout.tsx';
import { ListNames } from './list-names.tsx';

type ConfirmedPageProps = {
  lists: readonly { name: string }[];
  preferencesUrl: string;
};

/** The answer to every press of the confirm button, the first and the later ones (U-25). */
export function ConfirmedPage({ lists, preferencesUrl }: ConfirmedPageProps) {
  const { text } = useLanguage();
  return (
    <PageLayout title={text('confirmed.title')}>
      <h1>{text('confirmed.title')}</h1>
      <p>{text('confirmed.intro')}</p>
      <ListNames lists={lists} />
      <p>{text('confirmed.leaving')}</p>
      <p>
        <a className="action" href={preferencesUrl}>
          {text('confirmed.preferences')}
        </a>
      </p>
    </PageLayout>
  );
}
