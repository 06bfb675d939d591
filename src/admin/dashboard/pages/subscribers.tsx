import type { AdminKey } from '../../../access/keys.ts';
import type { Dossier } from '../../../consent/dossier.ts';
import type { Found, Known } from '../../../subscribing/look-up.ts';
import { DashboardPage, type Frame } from './layout.tsx';
import { ButtonForm, Facts, Table, Time } from './parts.tsx';

/** `/admin/subscribers`: addresses are sent in a body, as what stands in a URL ends up in logs. */
export function SubscribersPage({
  frame,
  beginning,
  found,
  isMore,
}: {
  frame: Frame;
  beginning: string;
  /** Null: nothing was searched for. */
  found: readonly Found[] | null;
  isMore: boolean;
}) {
  return (
    <DashboardPage frame={frame} title="Subscribers" place="/admin/subscribers">
      <h1>Subscribers</h1>
      <form method="post" action="/admin/subscribers" className="filter" id="search">
        <div className="field">
          <label htmlFor="beginning">Address, or its beginning</label>
          <input
            type="text"
            id="beginning"
            name="beginning"
            defaultValue={beginning}
            autoComplete="off"
            spellCheck={false}
            maxLength={320}
            required
          />
        </div>
        <button type="submit">Search</button>
      </form>
      {found?.length === 0 && <p role="status">Nobody has an address that begins so.</p>}
      {found !== null && found.length > 0 && (
        <>
          <Table
            id="found"
            caption={
              isMore ? `The first ${found.length}, in the order of addresses` : `${found.length} found`
            }
            head={['Address', 'Lists', 'Mail', 'Known since']}
            rows={found.map(({ id, email, lists, mailBlock, createdAt }) => ({
              key: id,
              cells: [
                <a href={`/admin/subscribers/${id}`} key="person">
                  {email}
                </a>,
                lists.map(({ name, state }) => `${name}: ${state}`).join(', ') || 'none',
                mailBlock ?? 'yes',
                <Time at={createdAt} key="since" />,
              ],
            }))}
          />
          {isMore && <p>There are more: type more of the address.</p>}
        </>
      )}
      <script src="/assets/search.js" defer />
    </DashboardPage>
  );
}

/** One person, with all that happened. */
export function PersonPage({
  frame,
  holder,
  person,
  dossier,
}: {
  frame: Frame;
  holder: AdminKey;
  person: Known;
  dossier: Dossier;
}) {
  const { mailchimp } = person;
  const { fault } = dossier.chain;
  return (
    <DashboardPage frame={frame} title="A subscriber" place="/admin/subscribers">
      <form method="post" action="/admin/subscribers" id="back" hidden>
        <input type="hidden" name="beginning" />
        <button type="submit" className="quiet">
          Back to the search
        </button>
      </form>
      <script src="/assets/search.js" defer />
      <h1 className="address">{person.erased ? 'Somebody who was erased' : person.email}</h1>
      {fault !== null && (
        <p className="alert">
          The ledger is not as it was written, from entry {fault.number} on: {fault.why}
        </p>
      )}
      <div className="columns">
        <div>
          <h2>Person</h2>
          <Facts
            of={[
              ...(person.erased ? [] : ([['As typed', person.typed]] as const)),
              ['First name', person.firstName ?? '–'],
              ['Language', person.locale],
              ['Known since', <Time at={person.createdAt} key="since" />],
              ['Gets mail', person.mailBlock === null ? 'yes' : `no: ${person.mailBlock}`],
              ...(person.declined ? ([['Declined', 'wants no mail that others may cause']] as const) : []),
            ]}
          />
        </div>
        <div>
          <h2>Mailchimp</h2>
          {mailchimp === null ? (
            <p>It was never told of this person, or has nothing of them any more.</p>
          ) : (
            <Facts
              of={[
                ['Shows', mailchimp.status ?? 'nothing yet'],
                ['Is told', mailchimp.due ? 'not yet of the last change' : 'everything'],
                ['Last told', <Time at={mailchimp.toldAt} key="told" />],
                ...(mailchimp.refusal === null
                  ? []
                  : ([
                      ['Refuses', `${mailchimp.refusal.reason}: ${mailchimp.refusal.detail}`],
                      [
                        'Next attempt',
                        <Time at={mailchimp.refusal.nextAttempt} otherwise="none" key="next" />,
                      ],
                    ] as const)),
              ]}
            />
          )}
        </div>
      </div>
      {person.lists.length > 0 && (
        <Table
          id="lists"
          caption="Mailing lists"
          head={['List', 'State', 'Since']}
          rows={person.lists.map(({ slug, name, state, since }) => ({
            key: slug,
            cells: [name, state, <Time at={since} key="since" />],
          }))}
        />
      )}
      <h2>History</h2>
      <Table
        id="history"
        caption="The ledger, the newest first"
        head={['Entry', 'What', 'When', 'Lists', 'By', 'Page or network']}
        rows={dossier.events
          .map(({ number, kind, at, lists, channel, evidence }) => ({
            key: String(number),
            cells: [
              number,
              kind.replaceAll('_', ' '),
              <Time at={at} key="at" />,
              lists.map(({ name }) => name).join(', '),
              channel.replaceAll('_', ' '),
              [evidence?.page, evidence?.ip].filter(Boolean).join(', '),
            ],
          }))
          .reverse()}
      />
      <p>
        <a className="action" href={`/admin/subscribers/${person.id}/proof`}>
          The proof of consent, complete in one document
        </a>
      </p>
      {holder.scopes.includes('erase') && !person.erased && (
        <details>
          <summary>Erase this person</summary>
          <p>
            Destroys everything personal here and at Mailchimp, for good. Nobody can bring it back; the proof
            that they left stays.
          </p>
          <ButtonForm action={`/admin/subscribers/${person.id}/erase`}>Erase for good</ButtonForm>
        </details>
      )}
    </DashboardPage>
  );
}
