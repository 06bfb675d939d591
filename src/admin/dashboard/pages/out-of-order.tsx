import type { Finding } from '../../../platform/finding.ts';
import { DashboardPage, type Frame } from './layout.tsx';
import { Findings } from './parts.tsx';

/** Instead of a page that the database keeps from being shown, to whoever asks: nobody can sign in then. */
export function OutOfOrderPage({
  frame,
  finding,
  runbook,
}: {
  frame: Frame;
  finding: Finding;
  /** The section of the runbook that says what to do. */
  runbook: string;
}) {
  return (
    <DashboardPage frame={frame} title="Out of order">
      <h1>Out of order</h1>
      <Findings findings={[finding]} />
      <p>
        The runbook, <code>docs/operations.md</code>, says more: <q>{runbook}</q>. Come back to this page when
        it is mended.
      </p>
    </DashboardPage>
  );
}
