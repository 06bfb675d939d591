import { useLanguage } from './layout.tsx';
import { NoticePage, Way } from './notice.tsx';
import { PostButton } from './post-button.tsx';

/** Behind the "this was not me" of a confirmation mail (C-15). */
export function NotMePage({ action }: { action: string }) {
  const { text } = useLanguage();
  return (
    <NoticePage title="notMe.title" says={['notMe.message']}>
      <PostButton action={action} label={text('notMe.submit')} />
    </NoticePage>
  );
}

/** The answer to every press of its button. */
export function DeclinedPage({ preferencesUrl }: { preferencesUrl: string }) {
  return (
    <NoticePage title="notMe.done.title" says={['notMe.done.message', 'notMe.done.mind']}>
      <Way to={preferencesUrl} says="notMe.done.preferences" />
    </NoticePage>
  );
}
