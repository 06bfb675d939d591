import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Newsletters, Words } from './parts.tsx';
import { sampleMail } from './sample.ts';

export interface ReceiptMailProps extends MailProps {
  /** What was ended, at this moment. */
  left: readonly { name: string }[];
  /** What still comes. */
  remaining: readonly { name: string }[];
  at: Date;
}

/** Subject of the receipt of leaving. */
export function receiptSubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.receipt.subject', { publication });
}

/** Confirms what no longer comes, and asks nobody to come back (U-21). */
export function ReceiptMail({ left, remaining, at, ...mail }: ReceiptMailProps) {
  const { text } = languageOf(mail.locale);
  return (
    <MailLayout {...mail} mail="receipt" reason="reader">
      <Words>{text('mail.receipt.left', { at })}</Words>
      <Newsletters lists={left} />
      {remaining.length > 0 ? (
        <>
          <Words>{text('mail.receipt.remaining')}</Words>
          <Newsletters lists={remaining} />
        </>
      ) : (
        <Words>{text('mail.receipt.none')}</Words>
      )}
      <Words>{text('mail.receipt.notYou')}</Words>
    </MailLayout>
  );
}

ReceiptMail.PreviewProps = {
  ...sampleMail,
  left: [{ name: 'Morning Briefing' }],
  remaining: [{ name: 'Science Weekly' }],
  at: new Date('2026-11-23T15:20:00Z'),
} satisfies ReceiptMailProps;

export default ReceiptMail;
