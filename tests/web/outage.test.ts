import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { isTo, kindOf } from '../harness/mails.ts';
import { freePort } from '../harness/ports.ts';

describe('while Mailchimp and the mail server are out of reach (I3, I4)', () => {
  let footnote: Footnote;
  let reader: Awaited<ReturnType<Footnote['subscribe']>>;
  beforeAll(async () => {
    footnote = await Footnote.start();
    reader = await footnote.subscribe('reader@example.com', ['morning-briefing', 'science-weekly']);
    expect(await footnote.member('reader@example.com')).toMatchObject({ status: 'subscribed' });

    const { mailchimp, smtp } = footnote.settings;
    await footnote.stopService();
    await footnote.startService({
      mailchimp: { ...mailchimp, baseUrl: `http://127.0.0.1:${await freePort()}/3.0` },
      smtp: { ...smtp, url: `smtp://127.0.0.1:${await freePort()}` },
    });
  });
  afterAll(() => footnote.stop());

  it('every opt-out is taken at once', async () => {
    await footnote.http.post(reader.unsubscribe).send('List-Unsubscribe=One-Click').expect(200);
    expect(await footnote.lists('reader@example.com')).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'unsubscribed',
    });
    expect(await footnote.ledger('reader@example.com')).toContain('unsubscribed');
  });

  it('every sign-up is taken, and preferences are saved', async () => {
    await footnote.signUp('newcomer@example.com').expect(202);
    await footnote.http.post(reader.preferences).type('form').send('lists=weekend-reads').expect(200);
    expect(await footnote.lists('newcomer@example.com')).toEqual({ 'morning-briefing': 'pending' });
    expect(await footnote.lists('reader@example.com')).toMatchObject({ 'weekend-reads': 'pending' });
  });

  it('the node stays in the balancer', async () => {
    const { body } = await footnote.http.get('/readyz').expect(200);
    expect(body.mail.trouble).toContain('the mail server did not take the mail');
    expect(body.mailchimp.trouble).toContain('no answer');
  });

  it('and when they are back, everything arrives', async () => {
    await footnote.stopService();
    await footnote.startService();
    await footnote.hurry();
    // A new mail wakes the worker, which then finds the delayed ones due.
    await footnote.signUp('latecomer@example.com').expect(202);

    const [, newcomer, again] = await Promise.all(
      ['latecomer', 'newcomer', 'reader'].map((name) =>
        footnote.mailTo(`${name}@example.com`, 'confirmation'),
      ),
    );
    expect(await footnote.member('reader@example.com')).toMatchObject({ status: 'unsubscribed' });
    await footnote.http.post(newcomer?.confirm ?? '').expect(200);
    await footnote.http.post(again?.confirm ?? '').expect(200);
    expect(await footnote.member('newcomer@example.com')).toMatchObject({ status: 'subscribed' });
    expect(await footnote.member('reader@example.com')).toMatchObject({ status: 'subscribed' });
    expect(await footnote.lists('reader@example.com')).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'unsubscribed',
      'weekend-reads': 'subscribed',
    });
    await footnote.mailsNoted();
    const kindsTo = (email: string) =>
      footnote.sandbox.inbox
        .mails()
        .filter(isTo(email))
        .map((mail) => kindOf(mail))
        .sort();
    expect(kindsTo('newcomer@example.com')).toEqual(['confirmation', 'welcome']);
    expect(kindsTo('reader@example.com')).toEqual([
      'confirmation',
      'confirmation',
      'receipt',
      'welcome',
      'welcome',
    ]);
  });
});

describe('mails that wait for a mail server that is away', () => {
  let footnote: Footnote;
  let smtp: Footnote['settings']['smtp'];
  let server: SMTPServer | null = null;
  const taken: string[] = [];
  beforeAll(async () => {
    footnote = await Footnote.start();
    smtp = { ...footnote.settings.smtp, url: `smtp://127.0.0.1:${await freePort()}` };
    await footnote.stopService();
    await footnote.startService({ smtp });
  });
  afterAll(async () => {
    await footnote.stop();
    server?.close();
  });

  /** Signs up, and has the mail wait as long as after many tries. */
  async function waiting(email: string): Promise<void> {
    await footnote.signUp(email).expect(202);
    const { database } = footnote.service;
    await eventually(async () => {
      const delayed = await database.query(
        `UPDATE jobs.job SET start_after = now() + interval '10 minutes'
          WHERE name = 'mail' AND state = 'retry' AND start_after < now() + interval '5 minutes' RETURNING id`,
      );
      expect(delayed).toHaveLength(1);
    });
  }

  it('leave with the first that it takes again', async () => {
    await waiting('ann@example.com');
    await waiting('ben@example.com');
    server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData: (stream, { envelope }, callback) => {
        taken.push(...envelope.rcptTo.map(({ address }) => address));
        stream.resume().once('end', () => callback());
      },
    });
    await once(server.listen(Number(new URL(smtp.url).port), '127.0.0.1'), 'listening');
    await footnote.signUp('cem@example.com').expect(202);
    await footnote.mailsNoted();
    expect(taken[0]).toBe('cem@example.com');
    expect(taken.toSorted()).toEqual(['ann@example.com', 'ben@example.com', 'cem@example.com']);
  });

  it('leave when a worker starts', async () => {
    await footnote.stopService();
    await footnote.startService({ smtp: { ...smtp, url: `smtp://127.0.0.1:${await freePort()}` } });
    await waiting('dan@example.com');
    await footnote.stopService();
    await footnote.startService({ smtp });
    await footnote.mailsNoted();
    expect(taken[3]).toBe('dan@example.com');
  });
});
