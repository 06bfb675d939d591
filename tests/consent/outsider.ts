import { createHash, createHmac } from 'node:crypto';

// How an expert verifies a dossier who has its JSON, docs/dossier.md and nothing of ours: no code of Footnote is
// imported here, and none may be.

interface Outside {
  dossier: number;
  person: { id: string; address: string | null; erasedAt: string | null };
  events: {
    number: number;
    kind: string;
    at: string;
    channel: string;
    lists: { version: string; list: string; name: string; description: string }[];
    consentText: { version: string; language: string; text: string } | null;
    answers: number | null;
    mailHash: string | null;
    evidence: {
      address: string;
      ip: string | null;
      userAgent: string | null;
      page: string | null;
      givenAt: string | null;
    } | null;
    evidenceDigest: string;
    previousHash: string;
    hash: string;
    beside: {
      mail: { text: string | null } | null;
      confirmation: { afterRequestMs: number; afterMailMs: number | null; isQuick: boolean } | null;
    };
  }[];
  chain: { salt: string | null; head: { number: number; hash: string } };
}

const sha256 = (parts: unknown[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** Everything that is wrong with a dossier, entry by entry. */
export function readAsOutsider(json: string): string[] {
  const { dossier, person, events, chain }: Outside = JSON.parse(json);
  const faults: string[] = [];
  const demand = (holds: boolean, what: string) => {
    if (!holds) faults.push(what);
  };

  demand(dossier === 1, 'another version');
  let previous = '';
  for (const [n, event] of events.entries()) {
    const { evidence, beside } = event;
    const at = (what: string) => `entry ${n + 1}: ${what}`;
    demand(event.number === n + 1, at('number'));
    for (const { version, list, name, description } of event.lists) {
      demand(version === sha256(['list', list, name, description]), at('wording of a list'));
    }
    if (event.consentText !== null) {
      const { version, language, text } = event.consentText;
      demand(version === sha256(['consent', language, text]), at('consent text'));
    }

    demand((beside.mail === null) === (event.mailHash === null), at('mail'));
    if (event.mailHash !== null && typeof beside.mail?.text === 'string') {
      const hash = createHash('sha256').update(beside.mail.text).digest('hex');
      demand(hash === event.mailHash, at('text of the mail'));
    } else {
      demand(event.mailHash === null || chain.salt === null, at('text of the mail is missing'));
    }

    if (chain.salt !== null && evidence !== null) {
      const { address, ip, userAgent, page, givenAt } = evidence;
      const parts = [address, ip, userAgent, page, ...(givenAt === null ? [] : [givenAt])];
      const digest = createHmac('sha256', chain.salt).update(JSON.stringify(parts)).digest('hex');
      demand(digest === event.evidenceDigest, at('evidence'));
    } else {
      demand(chain.salt === null && evidence === null, at('evidence without salt, or salt without evidence'));
    }

    const seal = sha256([
      'footnote consent event 1',
      person.id,
      event.number,
      event.kind,
      event.at,
      event.channel,
      event.lists.map(({ version }) => version),
      event.consentText?.version ?? null,
      event.answers,
      event.mailHash,
      event.evidenceDigest,
      event.previousHash,
    ]);
    demand(event.hash === seal, at('seal'));
    demand(event.previousHash === previous, at('order'));
    previous = event.hash;

    const ms = (earlier: { at: string } | undefined) =>
      earlier === undefined ? null : Date.parse(event.at) - Date.parse(earlier.at);
    const afterMailMs = ms(
      events.slice(0, n).findLast(({ kind, answers }) => kind === 'mailed' && answers === event.answers),
    );
    const confirmation =
      event.kind === 'confirmed'
        ? {
            afterRequestMs: ms(events[(event.answers ?? 0) - 1]),
            afterMailMs,
            isQuick: afterMailMs !== null && afterMailMs < 5000,
          }
        : null;
    demand(JSON.stringify(confirmation) === JSON.stringify(beside.confirmation), at('times'));
  }
  demand(chain.head.number === events.length && chain.head.hash === previous, 'head');
  demand((person.erasedAt !== null) === (events.at(-1)?.kind === 'erased'), 'erasure');
  return faults;
}
