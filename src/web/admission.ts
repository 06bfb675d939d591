import type { Request, Response } from 'express';
import type { Verdict } from '../guard/guard.ts';
import type { Address } from '../subscribing/address.ts';
import { clientOf } from './sender.ts';
import type { Fault, TypedSignUp } from './sign-up-form.ts';
import type { Web } from './web.ts';

/** Why a wish was turned away, and the status that says so. */
export interface Refusal {
  status: 422 | 429;
  title: string;
  faults: Fault[];
}

/**
 * The one way by which somebody unknown has a mail sent to an address, whichever door they came through
 * . A bot is answered like everybody, and so is everybody at the same time.
 * @param act has the mail sent; not called for bots and those who are turned away
 * @returns null when the answer is the normal one
 */
export async function admit(
  { guard, beat, metrics }: Web,
  req: Request,
  res: Response,
  { message, nonce, altcha }: TypedSignUp,
  { key }: Address,
  act: () => Promise<unknown>,
): Promise<Refusal | null> {
  const domain = key.slice(key.lastIndexOf('@') + 1);
  const wish = { ip: clientOf(req), domain, honeypot: message, nonce, altcha };
  const verdict = await beat.steadily(res, async () => {
    const verdict = await guard.judge(wish);
    if (verdict.type === 'welcome') await act();
    return verdict;
  });
  metrics.recordWish(verdict.type);
  if (verdict.type === 'limited') res.set('Retry-After', String(verdict.seconds));
  return refusalOf(verdict);
}

function refusalOf(verdict: Verdict): Refusal | null {
  switch (verdict.type) {
    case 'limited': {
      const fault = { field: 'form', key: 'problem.tooMany.message' } as const;
      return { status: 429, title: 'Too Many Requests', faults: [fault] };
    }
    case 'refused': {
      const fault =
        verdict.why === 'altcha'
          ? ({ field: 'altcha', key: 'fault.altcha' } as const)
          : ({ field: 'email', key: 'fault.email.disposable' } as const);
      return { status: 422, title: 'Unprocessable Content', faults: [fault] };
    }
    default:
      return null;
  }
}
