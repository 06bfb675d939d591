import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/sandbox/mailchimp/router.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';

if (contractMissing !== null)
  process.stderr.write(`Mailchimp's contract is not checked: ${contractMissing}\n`);

const put: Exchange = {
  method: 'PUT',
  path: '/lists/1a2b3c4d5e/members/0123456789abcdef0123456789abcdef',
  query: { skip_merge_validation: 'true' },
  requestBody: { email_address: 'ada@example.org', status_if_new: 'subscribed' },
  status: 200,
  responseBody: { email_address: 'ada@example.org', status: 'subscribed', timestamp_opt: '' },
  injected: false,
};

describe.skipIf(contractMissing !== null)('the contract of the API', () => {
  it('finds nothing wrong in what it allows', () => {
    expect(checkExchange(put)).toEqual([]);
  });

  it.each<[string, Partial<Exchange>]>([
    ['an unknown path', { path: '/lists/1a2b3c4d5e/people' }],
    ['an unknown parameter', { query: { skip_merge: 'true' } }],
    ['a parameter of the wrong type', { query: { skip_merge_validation: 'perhaps' } }],
    ['a missing field', { requestBody: { email_address: 'ada@example.org' } }],
    ['an unknown field', { requestBody: { ...Object(put.requestBody), stauts: 'subscribed' } }],
    ['an unknown status', { requestBody: { ...Object(put.requestBody), status: 'archived' } }],
    ['an answer with an unknown field', { responseBody: { state: 'subscribed' } }],
    ['an answer with a time in words', { responseBody: { last_changed: 'yesterday' } }],
    ['an answer nobody described', { status: 302 }],
    ['a refusal that is no problem body', { status: 400, responseBody: { message: 'no' } }],
  ])('finds %s', (_name, change) => {
    expect(checkExchange({ ...put, ...change })).not.toEqual([]);
  });

  it('does not blame the API for what a fault answered', () => {
    expect(checkExchange({ ...put, status: 502, responseBody: '<html>', injected: true })).toEqual([]);
  });
});
