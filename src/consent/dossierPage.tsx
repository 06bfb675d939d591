import { renderToStaticMarkup } from 'react-dom/server';
import type { ConsentChannel, ConsentEventKind } from '../generated/prisma/enums.ts';
import type { Dossier, DossierEvent } from './dossier.ts';
import { duration, Facts, Said, style, Table, Time } from './dossierParts.tsx';
import { How } from './dossierProof.tsx';

/**
 * A dossier as a document for people, a lawyer say: complete in itself, to be read on a screen and on paper (C-14).
 * Holds no script, loads nothing, and leads nowhere. In English, what people read in their own language.
 */
export function dossierPage(dossier: Dossier): string {
  const page = <Page dossier={dossier} />;
  // A bare carriage return would be read as a line feed, and words are shown byte for byte (C-13).
  return `<!doctype html>\n${renderToStaticMarkup(page).replaceAll('\r', '&#13;')}\n`;
}

const kinds: Record<ConsentEventKind, string> = {
  requested: 'The form was sent',
  mailed: 'The confirmation mail was handed over',
  confirmed: 'Confirmed by the button behind the mailed link',
  unsubscribed: 'Left',
  expired: 'A request that nobody confirmed ended',
  imported: 'Brought over from another system',
  import_undone: 'An import was taken back',
  address_changed: 'The address changed',
  erased: 'Everything personal was erased',
};

const channels: Record<ConsentChannel, string> = {
  form: 'a form on a page',
  api: 'a website’s own form, through the API',
  mail: 'the mail server took the mail',
  confirm_page: 'the page behind the link in the confirmation mail',
  one_click: 'the unsubscribe button of a mailbox provider (RFC 8058)',
  unsubscribe_page: 'the page behind the unsubscribe link in a mail',
  preferences_page: 'the preference page behind the link in a mail',
  not_me_page: 'the page “this was not me” behind the link in a mail',
  erase_page: 'the page behind the link in an erasure mail',
  mailchimp: 'Mailchimp, where it was done',
  import: 'a file of another system',
  admin: 'an operator of the publication',
  retention: 'Footnote itself, as the time to keep it was over',
};

function Page({ dossier }: { dossier: Dossier }) {
  const { made, publication, person, events, chain } = dossier;
  const whom = person.address ?? `person ${person.id}, who was erased`;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta httpEquiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content="no-referrer" />
        <title>{`Proof of consent: ${whom}`}</title>
        <style>{style}</style>
      </head>
      <body>
        <header>
          <h1>Proof of consent</h1>
          <p>
            Of <Said>{whom}</Said>, with regard to the newsletters of <Said>{publication.name}</Said>,{' '}
            <Said>{publication.postalAddress}</Said>. Made on <Time at={made.at} /> by {made.by}. All times
            are UTC.
          </p>
        </header>
        <main>
          <Finding chain={chain} entries={events.length} />
          <Who person={person} />
          <Lists lists={dossier.lists} />
          <h2>What happened, entry by entry</h2>
          {events.map((event) => (
            <Entry key={event.number} event={event} />
          ))}
          <Mails mails={dossier.mails} />
          <Mailchimp mailchimp={dossier.mailchimp} />
          <How dossier={dossier} />
        </main>
      </body>
    </html>
  );
}

function Finding({ chain: { fault }, entries }: { chain: Dossier['chain']; entries: number }) {
  return (
    <p className={fault === null ? 'finding' : 'finding fault'}>
      {fault === null
        ? `The ledger was recomputed: every entry is as it was written and in its order, ${entries} in all, and none is missing.`
        : `The ledger does not verify. At entry ${fault.number}: ${fault.why}.`}
    </p>
  );
}

function Who({ person }: { person: Dossier['person'] }) {
  return (
    <section>
      <h2>Who</h2>
      {person.erasedAt && (
        <p>
          Everything personal was destroyed on <Time at={person.erasedAt} />: address, name, network
          addresses, pages and mails. What happened and when, the lists and the words remain, and can still be
          shown to be unaltered. Whose they are cannot be told from this document any more.
        </p>
      )}
      <Facts
        facts={[
          ['Address, as typed', person.address],
          ['Mailed as', person.mailedAs],
          ['First name', person.firstName],
          ['Language', person.language],
          ['Known since', new Date(person.knownSince)],
          ['Gets no mail, as the address', person.mailBlock],
          ['Wants no mail that others can cause, since', person.declinedAt && new Date(person.declinedAt)],
          ['Number of the person', person.id],
        ]}
      />
    </section>
  );
}

function Lists({ lists }: { lists: Dossier['lists'] }) {
  if (lists.length === 0) return null;
  return (
    <Table
      title="The lists, when this was made"
      columns={['List', 'State', 'Since', 'By entry']}
      rows={lists.map(({ list, name, state, since, consent, ending }) => [
        `${name} (${list})`,
        state,
        new Date(since),
        state === 'subscribed' ? consent : state === 'unsubscribed' ? ending : '',
      ])}
    />
  );
}

const quick = ' – less than five seconds: a program that opens links may have pressed the button';

function Entry({ event }: { event: DossierEvent }) {
  const { number, kind, at, channel, lists, consentText, answers, evidence, beside } = event;
  const { confirmation, mail, import: brought } = beside;
  return (
    <article>
      <h3>
        {number}. {kinds[kind]}
      </h3>
      <Facts
        facts={[
          ['When', new Date(at)],
          ['How', channels[channel]],
          ['Answers', answers && `the request of entry ${answers}`],
          ['After the request', confirmation && duration(confirmation.afterRequestMs)],
          [
            'After the mail',
            confirmation?.afterMailMs != null &&
              `${duration(confirmation.afterMailMs)}${confirmation.isQuick ? quick : ''}`,
          ],
          ['Address', evidence?.address],
          ['IP address', evidence?.ip],
          ['Browser (user agent)', evidence?.userAgent],
          [kind === 'imported' ? 'Source, by the file' : 'Page with the form', evidence?.page],
          ['Given there on', evidence?.givenAt && new Date(evidence.givenAt)],
          ['First name, as typed', beside.firstName],
          ['Import', brought?.id],
          ['Begun', brought && new Date(brought.begunAt)],
          ['File', brought?.file],
          ['Row', brought && brought.row + 1],
          ['Message-ID', mail?.messageId],
        ]}
      />
      {lists.length > 0 && (
        <Table
          level={4}
          title="Lists, as they were worded"
          columns={['Name', 'Description', 'List']}
          rows={lists.map(({ list, name, description }) => [name, description, list])}
        />
      )}
      {consentText && (
        <>
          <h4>
            {kind === 'imported' ? 'Where consent is said to come from' : 'The text that was agreed to'}
          </h4>
          <pre lang={consentText.language} dir="auto">
            {consentText.text}
          </pre>
          <p className="hash">
            Language {consentText.language}, version {consentText.version}
          </p>
        </>
      )}
      {mail && <MailAsSent text={mail.text} hash={event.mailHash} />}
      <p className="hash">Sealed as {event.hash}</p>
    </article>
  );
}

function MailAsSent({ text, hash }: { text: string | null; hash: string | null }) {
  return (
    <>
      <h4>The mail, as sent</h4>
      {text === null ? <p>Its text was destroyed by the erasure.</p> : <pre dir="auto">{text}</pre>}
      <p className="hash">SHA-256 {hash}</p>
    </>
  );
}

function Mails({ mails }: { mails: Dossier['mails'] }) {
  if (mails.length === 0) return null;
  return (
    <Table
      title="Every mail to the person"
      columns={['Kind', 'Due', 'Taken by the mail server', 'Message-ID']}
      rows={mails.map(({ kind, dueAt, acceptedAt, abandoned, messageId }) => [
        kind.replaceAll('_', ' '),
        new Date(dueAt),
        acceptedAt === null ? `no${abandoned === null ? '' : `: ${abandoned}`}` : new Date(acceptedAt),
        messageId,
      ])}
    />
  );
}

function Mailchimp({ mailchimp }: { mailchimp: Dossier['mailchimp'] }) {
  return (
    <section>
      <h2>Mailchimp</h2>
      {mailchimp === null ? (
        <p>Mailchimp was told nothing of this person, or has nothing of them any more.</p>
      ) : (
        <Facts
          facts={[
            ['Shows the person as', mailchimp.status ?? 'not yet known'],
            ['Last told', mailchimp.toldAt && new Date(mailchimp.toldAt)],
            ['Is as it should be', mailchimp.isEqual ? 'yes' : 'not yet'],
            ['Refuses, because', mailchimp.refusal?.replaceAll('_', ' ')],
          ]}
        />
      )}
    </section>
  );
}
