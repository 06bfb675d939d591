import { mostCounted, type Signals, toldCount } from '../../../mailchimp/signals.ts';
import { span } from '../../../platform/text.ts';
import type { everyList } from '../../../subscribing/lists.ts';
import type { CheckUp } from '../check-up.ts';
import { type History, levels, type Owed, type Sample, sum } from '../numbers.ts';
import { Chart, Spark } from './chart.tsx';
import { LaneAlerts } from './lane.tsx';
import { DashboardPage, type Frame, Live } from './layout.tsx';
import { count, Facts, Findings, share, Table, Time } from './parts.tsx';

type Lists = Awaited<ReturnType<typeof everyList>>;

export interface Overview {
  days: number;
  /** The list that is looked at; null: all of them. */
  list: Lists[number] | null;
  lists: Lists;
  history: History;
  sample: Sample;
  signals: Signals;
  owed: Owed;
  checkUp: CheckUp | null;
}

/** Spans of days that can be looked at. */
export const spans = [30, 90] as const;

/** `GET /admin`: whether promises are kept, at a glance. */
export function OverviewPage({ frame, of }: { frame: Frame; of: Overview }) {
  return (
    <DashboardPage frame={frame} title="Overview" place="/admin" live>
      <h1>Overview</h1>
      <Live id="state">
        <h2>State</h2>
        {of.checkUp === null ? (
          <p>It is being looked at. Come back in a moment.</p>
        ) : (
          <>
            <Findings findings={of.checkUp.findings} />
            <p className="small">
              Looked at <Time at={of.checkUp.at} /> UTC, once a minute at most.
            </p>
          </>
        )}
      </Live>
      <Growth of={of} />
      <Live id="parts">
        <div className="columns">
          <Mailchimp signals={of.signals} />
          <Mails owed={of.owed} sample={of.sample} />
        </div>
        <Sources sample={of.sample} />
      </Live>
    </DashboardPage>
  );
}

function Growth({ of: { days, list, lists, history, sample } }: { of: Overview }) {
  const { requested, confirmed, left, imported, gained } = history.of(list?.id ?? 0);
  const where = list === null ? 'all lists' : list.name;
  const subscribers = list === null ? sum(lists.map((one) => one.subscribers)) : list.subscribers;
  const subscribed = list === null ? 'Subscriptions' : 'Subscribers';
  return (
    <>
      <h2>Readers</h2>
      <form method="get" action="/admin" className="filter">
        <div className="field">
          <label htmlFor="list">Mailing list</label>
          <select id="list" name="list" defaultValue={list?.slug ?? ''}>
            <option value="">All lists</option>
            {lists.map(({ slug, name }) => (
              <option value={slug} key={slug}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor="days">Span</label>
          <select id="days" name="days" defaultValue={String(days)}>
            {spans.map((one) => (
              <option value={one} key={one}>
                {one} days
              </option>
            ))}
          </select>
        </div>
        <button type="submit" className="quiet">
          Show
        </button>
      </form>
      <Live id="growth">
        <dl className="figures">
          {(
            [
              [`${subscribed} now`, count(subscribers)],
              ['Sign-ups', count(sum(requested))],
              ['Confirmed', count(sum(confirmed))],
              ['Confirmation rate', share(sum(confirmed), sum(requested))],
              ['Opt-outs', count(sum(left))],
              ['Imported', count(sum(imported))],
              // Of all lists, whichever is looked at.
              [
                list === null ? 'Half confirm within' : 'Half confirm within, all lists',
                sample.medianSeconds === null ? '–' : span(sample.medianSeconds),
              ],
            ] as const
          ).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <Chart
          id="per-day"
          title={`Each day of the last ${days}, ${where}`}
          days={history.days}
          lines={[
            { name: 'Sign-ups', look: 'first', values: requested },
            { name: 'Confirmed', look: 'second', values: confirmed },
            { name: 'Opt-outs', look: 'third', values: left },
          ]}
        />
        <Chart
          id="levels"
          title={`${subscribed} at the end of each of the last ${days} days, ${where}`}
          days={history.days}
          lines={[{ name: subscribed, look: 'first', values: levels(subscribers, gained) }]}
          isLevel
        />
        <Table
          id="lists"
          caption={`Mailing lists in the last ${days} days`}
          head={[
            'List',
            'Subscribers now',
            'Sign-ups',
            'Confirmed',
            'Rate',
            'Opt-outs',
            'Confirmed each day',
          ]}
          rows={lists.map(({ id, slug, name, archived, subscribers }) => {
            const of = history.of(id);
            return {
              key: slug,
              cells: [
                <>
                  <bdi>{name}</bdi>
                  {archived && ' (archived)'}
                </>,
                count(subscribers),
                count(sum(of.requested)),
                count(sum(of.confirmed)),
                share(sum(of.confirmed), sum(of.requested)),
                count(sum(of.left)),
                <Spark values={of.confirmed} key="spark" />,
              ],
            };
          })}
        />
      </Live>
    </>
  );
}

function Mailchimp({ signals }: { signals: Signals }) {
  const { due, oldestOptOutSeconds, refused, drift } = signals;
  const reasons = Object.entries(refused).filter(([, contacts]) => contacts > 0);
  const all = sum(reasons.map(([, contacts]) => contacts));
  return (
    <div>
      <h2>Mailchimp</h2>
      <LaneAlerts signals={signals} />
      <Facts
        of={[
          ['Yet to hear of', toldCount(due)],
          ['Oldest opt-out that waits', oldestOptOutSeconds === null ? 'none' : span(oldestOptOutSeconds)],
          [
            'Refused',
            reasons.length === 0 ? (
              'nobody'
            ) : (
              <a id="refused" href="/admin/sync" key="refused">
                {all > mostCounted
                  ? `${toldCount(all)}: ${reasons.map(([reason]) => reason).join(', ')}`
                  : reasons.map(([reason, contacts]) => `${contacts} ${reason}`).join(', ')}
              </a>
            ),
          ],
          ['Last webhook', <Time at={signals.lastWebhook} otherwise="none yet" key="webhook" />],
          ['Compared as a whole', <Time at={signals.reconciledAt} key="compared" />],
          [
            'Differences found',
            drift === null
              ? '–'
              : `${drift.missing} missing, ${drift.extra} extra, ${drift.conflicting} conflicting of ${count(drift.members)}`,
          ],
        ]}
      />
    </div>
  );
}

function Mails({ owed, sample }: { owed: Owed; sample: Sample }) {
  return (
    <div>
      <h2>Mail</h2>
      {owed.late > 0 && (
        <p className="alert">
          {count(owed.late)} should have left: see to SMTP_URL and the mail server, and to the findings above.
        </p>
      )}
      <Facts
        of={[
          ['Owed', count(owed.mails)],
          ['Oldest owed', <Time at={owed.oldest} otherwise="none" key="oldest" />],
          [
            `Confirmed of the last ${count(sample.signUps)} sign-ups`,
            `${count(sample.confirmed)}, ${share(sample.confirmed, sample.signUps)}`,
          ],
        ]}
      />
    </div>
  );
}

function Sources({ sample: { sources, signUps } }: { sample: Sample }) {
  return (
    <>
      <h2>Where readers sign up</h2>
      {sources.length === 0 ? (
        <p>Nobody has signed up yet.</p>
      ) : (
        <Table
          id="sources"
          caption={`The pages of the last ${count(signUps)} sign-ups`}
          head={['Page', 'Sign-ups', 'Confirmed', 'Rate']}
          rows={sources.map(({ page, signUps, confirmed }) => ({
            key: page ?? '',
            cells: [page ?? 'not told', count(signUps), count(confirmed), share(confirmed, signUps)],
          }))}
        />
      )}
    </>
  );
}
