import { z } from 'zod';
import { type Fault, fault } from './faults.ts';

// The faults by name, for those who make the sandbox fail from outside.

const plain = {
  throttled: fault.throttled,
  throttled_with_body: fault.throttledWithBody,
  blocked: fault.blocked,
  forbidden: () => fault.problem(403, 'Forbidden', 'You may not have permission to perform this action.'),
  user_disabled: () => fault.problem(403, 'User Disabled', 'This account has been deactivated.'),
  key_invalid: () =>
    fault.problem(
      401,
      'API Key Invalid',
      "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    ),
  list_missing: () => fault.problem(404, 'Resource Not Found', 'The requested resource could not be found.'),
  not_removable: () =>
    fault.problem(405, 'Method Not Allowed', 'This list member cannot be removed. Please contact support.'),
  internal_error: () =>
    fault.problem(500, 'InternalServerError', 'An unexpected internal error has occurred.'),
  firewall_text: fault.firewallText,
  html_page: fault.htmlPage,
  empty_page: fault.emptyPage,
  reset_before: () => fault.reset('before'),
  reset_after: () => fault.reset('after'),
  silent: fault.silent,
} satisfies Record<string, () => Fault>;

type PlainName = keyof typeof plain;
const isPlainName = (name: string): name is PlainName => Object.hasOwn(plain, name);
/** The faults that need no more than their name. */
export const plainNames = Object.keys(plain).filter(isPlainName);

export const namedFault = z.union([
  z.object({ fault: z.enum(plainNames) }),
  z.object({
    fault: z.literal('html_error'),
    status: z.literal([500, 502, 503, 504]).default(502),
  }),
  z.object({
    fault: z.literal('redirect'),
    status: z.literal([301, 302, 303, 307, 308]).default(307),
    location: z.string(),
  }),
  z.object({
    fault: z.literal('problem'),
    status: z.int().min(400).max(599),
    title: z.string(),
    detail: z.string().default(''),
  }),
  z.object({ fault: z.literal('slow'), ms: z.number().nonnegative() }),
]);

export function faultNamed(named: z.infer<typeof namedFault>): Fault {
  switch (named.fault) {
    case 'html_error':
      return fault.htmlError(named.status);
    case 'redirect':
      return fault.redirect(named.status, named.location);
    case 'problem':
      return fault.problem(named.status, named.title, named.detail);
    case 'slow':
      return fault.slow(named.ms);
    default:
      return plain[named.fault]();
  }
}
