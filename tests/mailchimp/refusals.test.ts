import { describe, expect, it } from 'vitest';
import { MailchimpError } from '../../src/mailchimp/api/error.ts';
import { classify, isFinal, type RefusalKind, retryDelay } from '../../src/mailchimp/lane/refusals.ts';

const invalidResource = 'Invalid Resource';
const seeErrors =
  "The resource submitted could not be validated. For field-specific details, see the 'errors' array.";

const cases: [RefusalKind, ConstructorParameters<typeof MailchimpError>[0]][] = [
  [
    'transient',
    {
      status: 400,
      title: 'Member Exists',
      detail: 'x is already a list member. Use PUT to insert or update list members.',
    },
  ],
  [
    'compliance',
    {
      status: 400,
      title: 'Member In Compliance State',
      detail:
        'x is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
    },
  ],
  [
    'compliance',
    {
      status: 400,
      title: 'Bad Request',
      detail:
        'x is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
    },
  ],
  [
    'forgotten',
    {
      status: 400,
      title: 'Forgotten Email Not Subscribed',
      detail:
        'x was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.',
    },
  ],
  [
    'forgotten',
    {
      status: 400,
      title: 'Forgotten Email Not Subscribed',
      detail:
        'x is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
    },
  ],
  [
    'forgotten',
    { status: 400, title: 'Bad Request', detail: 'x was permanently deleted and cannot be re-imported.' },
  ],
  [
    'invalid',
    {
      status: 400,
      title: invalidResource,
      detail: 'x looks fake or invalid, please enter a real email address.',
    },
  ],
  ['invalid', { status: 400, title: invalidResource, detail: 'Please provide a valid email address.' }],
  [
    'too_many_sign_ups',
    {
      status: 400,
      title: invalidResource,
      detail: "x has signed up to a lot of lists very recently; we're not allowing more signups for now",
    },
  ],
  [
    'required_field',
    {
      status: 400,
      title: invalidResource,
      detail: 'Your merge fields were invalid.',
      fields: [{ field: 'LASTNAME', message: 'Bitte geben Sie einen Wert ein' }],
    },
  ],
  [
    'invalid',
    {
      status: 400,
      title: invalidResource,
      detail: seeErrors,
      fields: [{ field: 'email_address', message: 'This value should not be blank.' }],
    },
  ],
  [
    'rejected',
    {
      status: 400,
      title: invalidResource,
      detail: seeErrors,
      fields: [{ field: '', message: 'Required fields were not provided: email_address' }],
    },
  ],
  [
    'rejected',
    {
      status: 400,
      title: invalidResource,
      detail: seeErrors,
      fields: [
        { field: 'merge_fields.X', message: 'Data did not match any of the schemas described in anyOf.' },
      ],
    },
  ],
  [
    'interest',
    {
      status: 400,
      title: invalidResource,
      detail: seeErrors,
      fields: [{ field: 'interests.abc', message: 'Invalid interest ID' }],
    },
  ],
  [
    'configuration',
    {
      status: 400,
      title: invalidResource,
      detail: 'Cannot have more than 60 interests per list (Across all categories)',
    },
  ],
  [
    'invalid',
    {
      status: 400,
      title: invalidResource,
      detail: seeErrors,
      fields: [
        { field: 'email address', message: '"x" is already in this list with a status of "Subscribed".' },
      ],
    },
  ],
  ['rejected', { status: 400, title: 'Bad Request', detail: 'Your Campaign is not ready to send.' }],
  [
    'rejected',
    {
      status: 400,
      title: 'JSON Parse Exception',
      detail: 'We encountered an unspecified JSON parsing error.',
    },
  ],
  ['transient', { status: 400 }],
  [
    'configuration',
    {
      status: 401,
      title: 'API Key Invalid',
      detail: "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    },
  ],
  ['configuration', { status: 401 }],
  ['configuration', { status: 403, title: 'Forbidden' }],
  ['configuration', { status: 403, title: 'User Disabled', detail: 'This account has been deactivated.' }],
  ['throttled', { status: 403 }],
  [
    'configuration',
    { status: 404, title: 'Resource Not Found', detail: 'The requested resource could not be found.' },
  ],
  [
    'rejected',
    {
      status: 405,
      title: 'Method Not Allowed',
      detail: 'This list member cannot be removed. Please contact support.',
    },
  ],
  ['transient', { status: 408 }],
  [
    'throttled',
    {
      status: 429,
      title: 'Too Many Requests',
      detail: 'You have exceeded the limit of 10 simultaneous connections.',
    },
  ],
  ['throttled', { status: 429 }],
  // The status counts more than a title that looks like something else.
  ['transient', { status: 500, title: 'InternalServerError', detail: 'x is in a compliance state' }],
  ['transient', { status: 502 }],
  ['transient', { status: 503 }],
  ['transient', { status: 504 }],
  ['transient', { status: 302 }],
  ['transient', { status: 200, title: 'Unreadable answer' }],
  ['transient', { status: null, title: 'ECONNRESET' }],
  ['transient', { status: null, title: 'ENOTFOUND' }],
  ['transient', { status: null }],
  ['timeout', { status: null, title: 'Timeout' }],
];

describe('a refusal of Mailchimp', () => {
  it.each(cases)('is %s: %o', (kind, facts) => {
    expect(classify(new MailchimpError(facts))).toBe(kind);
  });
});

describe('the next attempt', () => {
  const hour = 3_600_000;

  it('comes after seconds at first and after an hour at most', () => {
    expect(retryDelay('transient', 1, 0.5)).toBe(2_000);
    expect(retryDelay('transient', 4, 0.5)).toBe(16_000);
    expect(retryDelay('transient', 2_000, 0.5)).toBe(hour);
    expect(retryDelay('throttled', 1, 0.5)).toBe(30_000);
  });

  it('is spread by half of the delay either way, so that contacts do not return all at once', () => {
    expect(retryDelay('transient', 3, 0)).toBe(4_000);
    expect(retryDelay('transient', 3, 1)).toBe(12_000);
  });

  it('waits after a timeout until Mailchimp has given the request up as well', () => {
    for (const random of [0, 0.5, 1])
      expect(retryDelay('timeout', 1, random)).toBeGreaterThanOrEqual(120_000);
  });

  it('follows the brake on an address with 6, 24 and 72 hours, then gives up', () => {
    expect([1, 2, 3, 4].map((attempts) => retryDelay('too_many_sign_ups', attempts, 0.5))).toEqual([
      6 * hour,
      24 * hour,
      72 * hour,
      null,
    ]);
  });

  it('follows the making of a lost interest twice, then leaves it to an operator', () => {
    expect([1, 2, 3, 4].map((attempts) => retryDelay('interest', attempts, 0.5))).toEqual([
      2_000,
      60_000,
      hour,
      null,
    ]);
  });

  it('lets news come of an address that vanished before it is made anew', () => {
    expect(retryDelay('missing', 1, 0)).toBeGreaterThanOrEqual(hour);
  });

  it('never comes for what repeating cannot mend', () => {
    const final: RefusalKind[] = [
      'compliance',
      'awaiting_mailchimp_confirmation',
      'archived',
      'not_subscribed',
      'forgotten',
      'invalid',
      'rejected',
    ];
    expect(final.filter(isFinal)).toEqual(final);
    expect(isFinal('required_field')).toBe(false);
  });

  it('always comes again for what is no fault of the contact (I4)', () => {
    const mendable: RefusalKind[] = [
      'not_erased',
      'transient',
      'timeout',
      'throttled',
      'required_field',
      'configuration',
    ];
    for (const kind of mendable) expect(retryDelay(kind, 10_000, 0.5)).toBeLessThanOrEqual(hour * 1.5);
  });
});
