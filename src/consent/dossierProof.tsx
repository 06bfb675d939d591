import type { Dossier } from './dossier.ts';

/** How anybody can check a dossier with SHA-256 alone, and all that it takes. */
export function How({ dossier: { person, events, chain } }: { dossier: Dossier }) {
  return (
    <section>
      <h2>How to verify this</h2>
      <p>
        Each entry is sealed by a hash that also covers the seal of the entry before. Whoever alters, removes
        or inserts anything breaks every seal that follows. SHA-256 is a public standard (FIPS 180-4); the
        dossier in JSON holds the same facts for a program to read. All text is UTF-8; <code>[…]</code> is a
        JSON array without blanks between its parts; hashes are written in hexadecimal.
      </p>
      <ol>
        <li>
          The words: a list’s version is the SHA-256 of <code>["list",list,name,description]</code>, a consent
          text’s that of <code>["consent",language,text]</code>. The hash of a mail is the SHA-256 of its
          text. (The secret links in it read <code>[key]</code> and <code>[token]</code>.)
        </li>
        <li>
          The evidence: its digest is the HMAC-SHA-256, keyed with the salt, of{' '}
          <code>[address,ip,userAgent,page]</code>, and of an import with the time at which consent was given
          as a fifth part.{' '}
          {chain.salt === null && 'Salt and evidence were destroyed by the erasure; the digests stay.'}
        </li>
        <li>
          The seal: the SHA-256 of{' '}
          <code>
            ["footnote consent event 1",person,number,kind,at,channel,[versions of the lists],version of the
            consent text,number of the request,hash of the mail,digest of the evidence,seal of the entry
            before]
          </code>
          , where what is not there is <code>null</code> and the first entry follows <code>""</code>.
        </li>
        <li>The numbers run from 1 without a gap, and the last seal is the head of the ledger.</li>
      </ol>
      <p>
        What stands beside the ledger and is not sealed: the first name, the import’s file and row, when mails
        other than the confirmation were taken, what Mailchimp shows.
      </p>
      <dl>
        <div>
          <dt>Person</dt>
          <dd>
            <code>{person.id}</code>
          </dd>
        </div>
        <div>
          <dt>Salt</dt>
          <dd>
            <code>{chain.salt ?? 'destroyed'}</code>
          </dd>
        </div>
        <div>
          <dt>Head of the ledger</dt>
          <dd>
            entry {chain.head.number}, <code>{chain.head.hash}</code>
          </dd>
        </div>
      </dl>
      <h3>What each seal is made of</h3>
      {events.map((event) => (
        <article key={event.number}>
          <h4>Entry {event.number}</h4>
          <dl>
            {inputsOf(event).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code>{value}</code>
                </dd>
              </div>
            ))}
          </dl>
        </article>
      ))}
    </section>
  );
}

const inputsOf = (event: Dossier['events'][number]): [string, string][] => [
  ['kind', event.kind],
  ['at', event.at],
  ['channel', event.channel],
  ['versions of the lists', JSON.stringify(event.lists.map(({ version }) => version))],
  ['version of the consent text', event.consentText?.version ?? 'null'],
  ['number of the request', String(event.answers)],
  ['hash of the mail', event.mailHash ?? 'null'],
  ['digest of the evidence', event.evidenceDigest],
  ['seal of the entry before', event.previousHash === '' ? '""' : event.previousHash],
  ['seal', event.hash],
];
