import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Member } from '../../src/mailchimp/api/client.ts';
import { walkMembers } from '../../src/mailchimp/api/walk.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { callsOf, readers } from './newsroom.ts';

describe('a walk through the audience', () => {
  let sandbox: Sandbox;
  let clock: number;
  let pages: number;
  beforeEach(async () => {
    clock = Date.UTC(2026, 10, 23, 9);
    pages = 0;
    sandbox = await startSandbox({
      port: 0,
      smtpPort: 0,
      serviceUrl: 'http://localhost:3000',
      folder: null,
      now: () => new Date(clock),
    });
    sandbox.audience.observe((exchange) => {
      if (callsOf('GET', '/members')(exchange)) pages += 1;
    });
  });
  afterEach(() => sandbox.stop());

  /** Puts people into the audience, a second or none between two. */
  function seed(emails: string[], gapMs: number) {
    for (const email_address of emails) {
      sandbox.audience.seed([{ email_address, status: 'subscribed' }]);
      clock += gapMs;
    }
  }
  const walk = (changedSince: Date | null = null) =>
    walkMembers(connect(sandbox.mailchimp), { status: 'subscribed', changedSince });
  async function met(walking: AsyncGenerator<Member[]> = walk()) {
    const emails: string[] = [];
    for await (const members of walking) {
      expect(members.length).toBeLessThanOrEqual(1_000);
      emails.push(...members.map(({ email_address }) => email_address));
    }
    return emails;
  }
  const everyone = (emails: string[]) => [...new Set(emails)].sort();

  it.each([
    ['a second apart', 1_000],
    ['all at once', 0],
    ['some at once', 10],
  ])('meets everyone whose last changes are %s, a page a thousand', async (_how, gapMs) => {
    const emails = readers(3_200);
    seed(emails, gapMs);
    const found = await met();
    expect(everyone(found)).toEqual([...emails].sort());
    expect(pages).toBeLessThanOrEqual(6);
    // Whoever is met twice stood in the second where two pages meet, which is at most a page.
    expect(found.length).toBeLessThanOrEqual(emails.length + 1_000);
  });

  it('takes a page at a time, no sooner than it is wanted', async () => {
    seed(readers(2_500), 1_000);
    const walking = walk();
    expect(pages).toBe(0);
    expect((await walking.next()).value).toHaveLength(1_000);
    expect(pages).toBe(1);
    await walking.return(undefined);
    expect(pages).toBe(1);
  });

  it.each([
    ['a second apart', 1_000],
    ['all at once', 0],
  ])('misses nobody when members, %s, change between two pages', async (_how, gapMs) => {
    const emails = readers(2_500);
    seed(emails, gapMs);
    clock += 3_600_000;
    const walking = walk();
    const found: string[] = [];
    for await (const members of walking) {
      found.push(...members.map(({ email_address }) => email_address));
      // Who was met moves to the end, and all others move up.
      if (found.length <= 1_000) {
        for (const email of emails.slice(0, 300))
          sandbox.audience.seed([{ email_address: email, status: 'subscribed', language: 'de' }]);
      }
    }
    expect(everyone(found)).toEqual([...emails].sort());
  });

  it('begins after the time that it is given, to the second', async () => {
    const emails = readers(5);
    seed(emails, 1_000);
    const since = new Date(Date.UTC(2026, 10, 23, 9, 0, 2, 700));
    expect(await met(walk(since))).toEqual(emails.slice(3));
  });

  it('ends with an empty audience', async () => {
    expect(await met()).toEqual([]);
    expect(pages).toBe(1);
  });
});
