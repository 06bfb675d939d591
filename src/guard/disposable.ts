/** Tells whether mail to a domain goes to a mailbox that is thrown away. */
export type IsDisposable = (domain: string) => boolean;

/**
 * Reads the list of disposable domains that their community keeps. Newer ones come with its package. A list
 * is never complete and sometimes wrong, so nothing is refused by it unless the publisher wants it.
 */
export async function disposableDomains(): Promise<IsDisposable> {
  const { disposableEmailBlocklistSet } = await import('disposable-email-domains-js');
  const listed = disposableEmailBlocklistSet();
  return (domain) => {
    // Providers of such mailboxes hand out names below their own as well.
    const labels = domain.split('.');
    return labels.some((_, n) => listed.has(labels.slice(n).join('.')));
  };
}
