import { PageLayout, type Site } from './layout.tsx';
import { ListNames } from './list-names.tsx';
import { PostButton } from './post-button.tsx';
import { texts } from './texts.ts';

const text = texts.confirm;

type ConfirmPageProps = {
  site: Site;
  lists: readonly { name: string; description: string }[];
  action: string;
};

/** Behind the link of a confirmation mail: scanners open it too, so only the button confirms (I7). */
export function ConfirmPage({ site, lists, action }: ConfirmPageProps) {
  return (
    <PageLayout site={site} title={text.title}>
      <h1>{text.title}</h1>
      <p>{text.intro}</p>
      <ListNames lists={lists} />
      <PostButton action={action} label={text.submit} />
      <p className="small">{text.otherwise}</p>
    </PageLayout>
  );
}
