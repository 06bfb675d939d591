import { PageLayout, useLanguage } from './layout.tsx';
import { ListNames } from './list-names.tsx';
import { PostButton } from './post-button.tsx';

type ConfirmPageProps = {
  lists: readonly { name: string; description: string }[];
  action: string;
};

/** Behind the link of a confirmation mail: scanners open it too, so only the button confirms (I7). */
export function ConfirmPage({ lists, action }: ConfirmPageProps) {
  const { text } = useLanguage();
  return (
    <PageLayout title={text('confirm.title')}>
      <h1>{text('confirm.title')}</h1>
      <p>{text('confirm.intro')}</p>
      <ListNames lists={lists} />
      <PostButton action={action} label={text('confirm.submit')} />
      <p className="small">{text('confirm.otherwise')}</p>
    </PageLayout>
  );
}
