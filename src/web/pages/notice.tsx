import type { ReactNode } from 'react';
import type { MessageKey } from '../../languages/language.ts';
import { PageLayout, useLanguage } from './layout.tsx';

type NoticePageProps = {
  title: MessageKey;
  /** One paragraph each. */
  says: readonly MessageKey[];
  children?: ReactNode;
};

/** A page that says something and asks for nothing, or for what its children offer. */
export function NoticePage({ title, says, children }: NoticePageProps) {
  const { text } = useLanguage();
  return (
    <PageLayout title={text(title)}>
      <h1>{text(title)}</h1>
      {says.map((key) => (
        <p key={key}>{text(key)}</p>
      ))}
      {children}
    </PageLayout>
  );
}

/** A way on from a notice. */
export function Way({ to, says }: { to: string; says: MessageKey }) {
  const { text } = useLanguage();
  return (
    <p>
      <a className="action" href={to}>
        {text(says)}
      </a>
    </p>
  );
}
