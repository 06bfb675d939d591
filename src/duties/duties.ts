import { checkLedger } from './check-ledger.ts';
import { dormancy } from './dormancy.ts';
import type { Duty } from './duty.ts';
import { expireRequests } from './expire-requests.ts';
import { housekeeping } from './housekeeping.ts';
import { retention } from './retention.ts';

/** Everything that is done by itself, beside what stands in `others.ts`. */
export const duties: readonly Duty[] = [expireRequests, retention, dormancy, checkLedger, housekeeping];
