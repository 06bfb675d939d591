import type { AccountState } from './account.ts';
import { recipientsOf } from './campaigns.ts';
import { type Campaign, type Member, timestamp } from './state.ts';

/** A mail of a campaign, as it is handed to a mail server. */
export interface CampaignMail {
  from: { name: string; address: string };
  to: string;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
}

export interface Mailing {
  /** Begins to mail a campaign to its recipients; it is `sent` when all are mailed. */
  send(campaign: Campaign): void;
  test(campaign: Campaign, emails: readonly string[]): void;
  /** Begins to mail the campaigns whose time has come. */
  sendDue(): void;
  /** Resolves when nothing is being mailed. */
  idle(): Promise<void>;
}

/** Mails campaigns one by one. `leaveUrl` is what Mailchimp's own link leads to. */
export function createMailing(options: {
  state: AccountState;
  post: (mail: CampaignMail) => Promise<void>;
  leaveUrl: (member: Pick<Member, 'id'>) => string;
  changed: () => void;
  sent: (campaign: Campaign) => void;
  now: () => Date;
}): Mailing {
  const { state, post, leaveUrl, changed, sent, now } = options;
  let working = Promise.resolve();

  /** Nobody's mail is a test's: its merge tags stay empty. */
  function written(
    { settings, html, plain_text }: Campaign,
    email: string,
    member: Member | null,
  ): CampaignMail {
    const leave = member === null ? '' : leaveUrl(member);
    const values: Record<string, unknown> = {
      ...member?.merge_fields,
      EMAIL: email,
      UNSUB: leave,
      'LIST:ADDRESS': '1 Sandbox Way, Atlanta, GA 30308',
    };
    const filled = (text: string, escaped: (value: string) => string = (value) => value) =>
      text.replace(/\*\|([A-Z0-9_:]{1,50})\|\*/g, (_, tag: string) => escaped(String(values[tag] ?? '')));
    return {
      from: { name: settings.from_name, address: settings.reply_to },
      to: email,
      subject: filled(settings.subject_line),
      html: filled(html, escapeHtml),
      text: filled(plain_text),
      headers: leave === '' ? {} : { 'List-Unsubscribe': `<${leave}>` },
    };
  }

  function begin(work: () => Promise<void>): void {
    // What cannot be mailed while the sandbox stops is nobody's loss.
    working = working.then(work).catch(() => {});
  }

  function send(campaign: Campaign): void {
    campaign.status = 'sending';
    begin(async () => {
      for (const member of recipientsOf(state, campaign)) {
        await post(written(campaign, member.email_address, member));
        campaign.emails_sent += 1;
      }
      campaign.status = 'sent';
      campaign.send_time = timestamp(now());
      changed();
      sent(campaign);
    });
  }

  return {
    send,
    test(campaign, emails) {
      begin(async () => {
        for (const email of emails) {
          const mail = written(campaign, email, null);
          await post({ ...mail, subject: `[Test] ${mail.subject}` });
        }
      });
    },
    sendDue() {
      for (const campaign of state.campaigns) {
        if (campaign.status === 'schedule' && new Date(campaign.send_time) <= now()) send(campaign);
      }
    },
    idle: () => working,
  };
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] ?? '');
