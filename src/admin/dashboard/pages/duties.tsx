import type { AdminKey } from '../../../access/keys.ts';
import type { Scheduled } from '../../../duties/scheduled.ts';
import { DashboardPage, type Frame, Live } from './layout.tsx';
import { ButtonForm, Table, Time } from './parts.tsx';

/** `/admin/duties`: what is done by itself, how it went, and doing it now. */
export function DutiesPage({
  frame,
  holder,
  duties,
}: {
  frame: Frame;
  holder: AdminKey;
  duties: readonly Scheduled[];
}) {
  const mayWrite = holder.scopes.includes('write');
  return (
    <DashboardPage frame={frame} title="Duties" place="/admin/duties" live>
      <h1>Duties</h1>
      <p>Each is done by itself, once, whatever number of processes there are.</p>
      <Live id="duties">
        <Table
          id="all-duties"
          caption="What is done by itself; times are in UTC"
          head={[
            'Duty',
            'What it does',
            'Last run',
            'What came of it',
            'Next run',
            ...(mayWrite ? ['Run'] : []),
          ]}
          rows={duties.map((duty) => ({
            key: duty.name,
            cells: [
              duty.name,
              duty.what,
              <LastRun of={duty} key="last" />,
              <Outcome of={duty} key="outcome" />,
              <Time at={duty.nextAt} key="next" />,
              ...(mayWrite
                ? [
                    <ButtonForm
                      id={`run-${duty.name}`}
                      action={`/admin/duties/${duty.name}/run`}
                      quiet
                      key="run"
                    >
                      Run now
                    </ButtonForm>,
                  ]
                : []),
            ],
          }))}
        />
      </Live>
    </DashboardPage>
  );
}

function LastRun({ of: { beganAt, endedAt } }: { of: Scheduled }) {
  if (beganAt !== null && endedAt === null)
    return (
      <>
        under way since <Time at={beganAt} />
      </>
    );
  return <Time at={endedAt} />;
}

/** A failure comes before what the last good run came to. */
function Outcome({ of: { succeededAt, outcome, failure, isOverdue } }: { of: Scheduled }) {
  const well = outcome ?? (succeededAt === null ? '–' : 'done');
  return (
    <>
      {isOverdue && <strong className="bad">Overdue. </strong>}
      {failure === null ? (
        well
      ) : (
        <>
          <strong className="bad">Failed:</strong> {failure}
          {succeededAt !== null && (
            <>
              {' '}
              Before, <Time at={succeededAt} />: {well}
            </>
          )}
        </>
      )}
    </>
  );
}
