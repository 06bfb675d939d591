import { PageLayout, useLanguage } from './layout.tsx';
import { PostButton } from './post-button.tsx';

type LinkProblemPageProps =
  | { problem: 'unknown' | 'withdrawn'; signUpUrl: string }
  /** `renewAction`: posting there has a new link mailed, to nobody but the same address. */
  | { problem: 'expired'; days: number; renewAction: string };

/** A confirmation link that cannot confirm: what happened, and the way on. */
export function LinkProblemPage(props: LinkProblemPageProps) {
  const { text } = useLanguage();
  const { problem } = props;
  const title = text(`linkProblem.${problem}.title`);
  return (
    <PageLayout title={title}>
      <h1>{title}</h1>
      {problem === 'expired' ? (
        <>
          <p>{text('linkProblem.expired.message', { days: props.days })}</p>
          <p>{text('linkProblem.expired.next')}</p>
          <PostButton action={props.renewAction} label={text('linkProblem.expired.submit')} />
        </>
      ) : (
        <>
          <p>{text(`linkProblem.${problem}.message`)}</p>
          <p>{text(`linkProblem.${problem}.next`)}</p>
          <p>
            <a className="action" href={props.signUpUrl}>
              {text('linkProblem.signUp')}
            </a>
          </p>
        </>
      )}
    </PageLayout>
  );
}
