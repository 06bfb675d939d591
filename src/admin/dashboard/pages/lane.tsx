import { pauseMeans } from '../../../mailchimp/lane/pause.ts';
import type { Signals } from '../../../mailchimp/signals.ts';
import { Time } from './parts.tsx';

/** Why Mailchimp is not told at present, if it is not. */
export function LaneAlerts({ signals }: { signals: Signals }) {
  const { stopped, stoppedAt, pausedBy, pausedAt, trouble } = signals;
  return (
    <>
      {pausedAt !== null && (
        <p className="alert">
          Paused by <bdi>{pausedBy}</bdi> since <Time at={pausedAt} />. {pauseMeans}
        </p>
      )}
      {stopped !== null && (
        <p className="alert">
          Nobody is sent there since <Time at={stoppedAt} />: {stopped}.{' '}
          <a id="to-findings" href="/admin">
            The findings of the overview
          </a>{' '}
          say what mends it.
        </p>
      )}
      {stopped === null && trouble !== null && (
        <p className="alert">The last calls failed: {trouble}. They are tried again.</p>
      )}
    </>
  );
}
