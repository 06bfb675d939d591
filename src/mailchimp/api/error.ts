/** An answer of Mailchimp that is not the wanted one, or none at all. */
export class MailchimpError extends Error {
  override readonly name = 'MailchimpError';
  /** HTTP status; null when no answer arrived. */
  readonly status: number | null;
  /** The title of Mailchimp's problem body; null when the body was none: a proxy, a firewall, an empty 429. */
  readonly title: string | null;
  /** May hold the person's address: for the operator's eyes, never for a log. */
  readonly detail: string;
  readonly fields: { field: string; message: string }[];
  readonly requestId: string | null;

  constructor(facts: {
    status: number | null;
    title?: string | null;
    detail?: string;
    fields?: { field: string; message: string }[];
    requestId?: string | null;
  }) {
    const { status, title = null, detail = '', fields = [], requestId = null } = facts;
    super(`Mailchimp: ${status ?? 'no answer'}${title === null ? '' : `, ${title}`}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.fields = fields;
    this.requestId = requestId;
  }

  /** What happened, in a word that is good for counting. */
  get outcome(): string {
    if (this.title === unreadable) return 'unreadable';
    if (this.status !== null) return String(this.status);
    return this.title === timedOut ? 'timeout' : 'no answer';
  }

  /** "Too many": told as 429, or by the firewall before the API as a 403 that is no problem body. */
  get throttles(): boolean {
    return this.status === 429 || (this.status === 403 && this.title === null);
  }
}

/** No status and this title: we stopped waiting, and Mailchimp may still do what we asked. */
export const timedOut = 'Timeout';

/** A title of ours: HTTP 200 with a page of a proxy, an empty body, or another shape than documented. */
export const unreadable = 'Unreadable answer';
