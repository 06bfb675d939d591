import { useLanguage } from './layout.tsx';
import { NoticePage } from './notice.tsx';
import { PostButton } from './post-button.tsx';

/**
 * Behind the link of an erasure mail: says what is final before anything is (WCAG 3.3.4, C-24).
 * @param archives whether Mailchimp archives the person, and does not delete them
 */
export function ErasePage({ action, archives = false }: { action: string; archives?: boolean }) {
  const { text } = useLanguage();
  const says = archives
    ? (['erase.archive.message', 'erase.archive.return', 'erase.keep'] as const)
    : (['erase.message', 'erase.return', 'erase.keep'] as const);
  return (
    <NoticePage title="erase.title" says={says}>
      <PostButton action={action} label={text('erase.submit')} />
      <p className="small">{text('erase.otherwise')}</p>
    </NoticePage>
  );
}

export const ErasedPage = ({ archives = false }: { archives?: boolean }) => (
  <NoticePage title="erased.title" says={[archives ? 'erased.archive.message' : 'erased.message']} />
);

/** A link of an erasure mail that erases nothing. */
export function EraseProblemPage({ problem }: { problem: 'unknown' | 'expired' }) {
  return <NoticePage title={`eraseProblem.${problem}.title`} says={[`eraseProblem.${problem}.message`]} />;
}
