import type { AdminKey } from '../../../access/keys.ts';
import { pauseMeans } from '../../../mailchimp/lane/pause.ts';
import type { RefusalKind } from '../../../mailchimp/lane/refusals.ts';
import { type RefusedContact, type Signals, toldCount } from '../../../mailchimp/signals.ts';
import { LaneAlerts } from './lane.tsx';
import { DashboardPage, type Frame, Live } from './layout.tsx';
import { ButtonForm, count, Facts, Table, Time } from './parts.tsx';

/** What mends a refusal, for whoever reads of it. */
const mends: Record<RefusalKind, string> = {
  transient: 'Nothing: it is tried again.',
  timeout: 'Nothing: it is tried again.',
  throttled: 'Nothing: it is tried again, more slowly.',
  too_many_sign_ups: 'Nothing: Mailchimp loosens its brake after hours or days.',
  interest: 'Run setup, which makes the interests anew; then retry.',
  links: 'Run setup, which makes the merge fields anew; then retry.',
  required_field: 'Let the field be optional in the audience’s settings; then retry.',
  configuration: 'See to the key and the audience: the findings on the overview say how.',
  compliance: 'Only the person’s own opt-in at Mailchimp helps.',
  awaiting_mailchimp_confirmation: 'Wait: the person has Mailchimp’s mail.',
  archived: 'Bring the contact back at Mailchimp, if the person still wants the mails.',
  not_subscribed: 'Nothing: a new sign-up by the person brings them back.',
  missing: 'Nothing: the contact is made again.',
  forgotten: 'Only the person can return, through Mailchimp’s own form.',
  invalid: 'Nothing: Mailchimp takes the address for unusable.',
  rejected: 'Retry; if it stays, report it as a fault of Footnote.',
  not_erased: 'Nothing: it is tried until Mailchimp has deleted them.',
};

export interface Compared {
  id: string;
  kind: string;
  dryRun: boolean;
  requestedAt: Date;
  finishedAt: Date | null;
  failure: string | null;
}

/** `/admin/sync`: whom Mailchimp refuses, why, and what to do. */
export function SyncPage({
  frame,
  holder,
  signals,
  refused,
  compared,
}: {
  frame: Frame;
  holder: AdminKey;
  signals: Signals;
  refused: readonly RefusedContact[];
  compared: readonly Compared[];
}) {
  const mayWrite = holder.scopes.includes('write');
  const all = Object.values(signals.refused).reduce((sum, contacts) => sum + contacts, 0);
  return (
    <DashboardPage frame={frame} title="Mailchimp" place="/admin/sync" live>
      <h1>Mailchimp</h1>
      <Live id="lane">
        <LaneAlerts signals={signals} />
        <Facts
          of={[
            ['Yet to hear of', toldCount(signals.due)],
            ['Refused', toldCount(all)],
            ['Last webhook', <Time at={signals.lastWebhook} otherwise="none yet" key="webhook" />],
            ['Compared as a whole', <Time at={signals.reconciledAt} key="compared" />],
          ]}
        />
        {mayWrite &&
          (signals.pausedAt === null ? (
            <details id="pause">
              <summary id="to-pause">Pause</summary>
              <p>{pauseMeans} It lasts until somebody resumes it.</p>
              <ButtonForm id="pause-lane" action="/admin/sync/pause">
                Pause
              </ButtonForm>
            </details>
          ) : (
            <ButtonForm id="resume-lane" action="/admin/sync/resume">
              Resume
            </ButtonForm>
          ))}
      </Live>
      <h2>Refused</h2>
      <Live id="refused">
        {refused.length === 0 ? (
          <p>Mailchimp refuses nobody.</p>
        ) : (
          <Table
            id="refused-contacts"
            caption={
              refused.length < all
                ? `The longest refused, ${count(refused.length)} of ${toldCount(all)}`
                : 'The longest refused first'
            }
            head={[
              'Address',
              'Why',
              'What mends it',
              'Since',
              'Next attempt',
              ...(mayWrite ? ['Retry'] : []),
            ]}
            rows={refused.map(({ email, reason, title, detail, since, nextAttempt }) => ({
              key: email,
              cells: [
                email,
                `${reason.replaceAll('_', ' ')}: ${[title, detail].filter(Boolean).join('. ')}`,
                mends[reason],
                <Time at={since} key="since" />,
                <Time at={nextAttempt} otherwise="none" key="next" />,
                ...(mayWrite
                  ? [
                      <ButtonForm
                        id={`retry-${Buffer.from(email).toString('base64url')}`}
                        action="/admin/sync/retry"
                        fields={{ email }}
                        quiet
                        key="retry"
                      >
                        Retry
                      </ButtonForm>,
                    ]
                  : []),
              ],
            }))}
          />
        )}
      </Live>
      {mayWrite && all > 0 && (
        <ButtonForm action="/admin/sync/retry" fields={{ email: '' }}>
          Retry all
        </ButtonForm>
      )}
      <h2>Comparisons</h2>
      <Live id="compared">
        {compared.length === 0 ? (
          <p>The audience was not compared yet.</p>
        ) : (
          <Table
            id="comparisons"
            caption="The newest first"
            head={['Asked for', 'Kind', 'Ended', 'How']}
            rows={compared.map(({ id, kind, dryRun, requestedAt, finishedAt, failure }) => ({
              key: id,
              cells: [
                <Time at={requestedAt} key="asked" />,
                dryRun ? `${kind}, changing nothing` : kind,
                <Time at={finishedAt} otherwise={failure === null ? 'not yet' : 'broke off'} key="ended" />,
                failure === null ? (finishedAt === null ? 'under way' : 'well') : `failed: ${failure}`,
              ],
            }))}
          />
        )}
      </Live>
      {mayWrite && (
        <div className="buttons">
          <ButtonForm action="/admin/sync/reconcile" fields={{ how: 'look' }} quiet>
            Compare, and change nothing
          </ButtonForm>
          <ButtonForm action="/admin/sync/reconcile" fields={{ how: 'repair' }}>
            Compare and repair
          </ButtonForm>
        </div>
      )}
    </DashboardPage>
  );
}
