import { useLanguage } from './layout.tsx';
import { NoticePage } from './notice.tsx';
import { PostButton } from './post-button.tsx';

/** Behind the link of an erasure mail: says what is final before anything is (WCAG 3.3.4, C-24). */
export function ErasePage({ action }: { action: string }) {
  const { text } = useLanguage();
  return (
    <NoticePage title="erase.title" says={['erase.message', 'erase.return', 'erase.keep']}>
      <PostButton action={action} label={text('erase.submit')} />
      <p className="small">{text('erase.otherwise')}</p>
    </NoticePage>
  );
}

export const ErasedPage = () => <NoticePage title="erased.title" says={['erased.message']} />;

/** A link of an erasure mail that erases nothing. */
export function EraseProblemPage({ problem }: { problem: 'unknown' | 'expired' }) {
  return <NoticePage title={`eraseProblem.${problem}.title`} says={[`eraseProblem.${problem}.message`]} />;
}
