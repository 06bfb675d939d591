import { NoticePage, Way } from './notice.tsx';

/**
 * An unsubscribe or preferences link that we do not know. Ends nothing by an address that is typed, as
 * whoever types one could be anybody: it only leads to where a link is mailed.
 */
export function UnknownLinkPage({ myLinkUrl }: { myLinkUrl: string }) {
  return (
    <NoticePage title="unknownLink.title" says={['unknownLink.message', 'unknownLink.next']}>
      <Way to={myLinkUrl} says="unknownLink.myLink" />
    </NoticePage>
  );
}
