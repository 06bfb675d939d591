import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';

const { text } = languageOf('en');

describe('a reader, from the form to the last link', () => {
  let footnote: Footnote;
  const violations: string[] = [];
  beforeAll(async () => {
    footnote = await Footnote.start();
    if (contractMissing === null)
      footnote.sandbox.audience.observe((exchange) => violations.push(...checkExchange(exchange)));
  });
  afterAll(() => footnote.stop());

  const email = 'Ada.Lovelace+news@Reader.Example';
  const key = 'ada.lovelace+news@reader.example';
  const mailedAs = 'Ada.Lovelace+news@reader.example';
  let links: { confirm: string; unsubscribe: string; preferences: string };

  it('ticks two lists in the form and is sent on to a page that says to look into the inbox', async () => {
    const answer = await footnote.http
      .post('/subscriptions')
      .type('form')
      .send(
        'email=Ada.Lovelace%2Bnews%40Reader.Example&lists=morning-briefing&lists=science-weekly&firstName=Ada',
      )
      .expect(303);
    expect(answer.headers['location']).toBe(`${footnote.settings.baseUrl}/thanks`);
    expect((await footnote.http.get('/thanks').expect(200)).text).toContain('inbox');
    expect(await footnote.lists(key)).toEqual({ 'morning-briefing': 'pending', 'science-weekly': 'pending' });
  });

  it('gets one mail for both, with what RFC 8058 wants, and nothing that was typed', async () => {
    const { mail, ...found } = await footnote.mailTo(mailedAs);
    links = found;
    expect(mail.text).toContain('Morning Briefing');
    expect(mail.text).toContain('Science Weekly');
    expect(mail.source.toString()).not.toMatch(/\bAda\b(?!\.Lovelace)/);
    expect(mail.headers.get('list-unsubscribe')).toEqual([
      `<${footnote.settings.baseUrl}${links.unsubscribe}>`,
    ]);
    expect(mail.headers.get('list-unsubscribe-post')).toEqual(['List-Unsubscribe=One-Click']);
    expect(mail.html).toContain(links.unsubscribe);
    expect(links.confirm).toMatch(/^\/confirm\/[0-9a-f]{40}$/);
  });

  it('is nowhere at Mailchimp before pressing the button, whoever opens the link', async () => {
    for (let visit = 0; visit < 3; visit++) {
      const page = await footnote.http.get(links.confirm).expect(200);
      expect(page.text).toContain(`action="${links.confirm}"`);
    }
    await footnote.http.head(links.confirm).expect(200);
    await footnote.mailsNoted();
    expect(await footnote.member(email)).toBeNull();
    expect(await footnote.ledger(key)).toEqual(['requested', 'mailed']);
  });

  it('confirms, again and again with the same answer', async () => {
    const first = await footnote.http.post(links.confirm).expect(200);
    for (let press = 0; press < 4; press++) {
      expect((await footnote.http.post(links.confirm).expect(200)).text).toBe(first.text);
    }
    expect(await footnote.ledger(key)).toEqual(['requested', 'mailed', 'confirmed']);
    expect(await footnote.lists(key)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'subscribed',
    });
  });

  it('is welcomed by one mail, which says what comes and how to end it', async () => {
    const { mail, ...found } = await footnote.mailTo(mailedAs, 'welcome');
    expect(mail.text).toContain('Morning Briefing');
    expect(mail.text).toContain('Science Weekly');
    expect(found).toMatchObject({
      unsubscribe: links.unsubscribe,
      preferences: links.preferences,
      confirm: '',
    });
    expect(await footnote.mails(key)).toEqual(['confirmation', 'welcome']);
  });

  it('is in the audience then, with an interest per list and links of their own', async () => {
    const member = await footnote.member(email);
    expect(member).toMatchObject({
      status: 'subscribed',
      merge_fields: {
        FNAME: 'Ada',
        UNSUBURL: `${footnote.settings.baseUrl}${links.unsubscribe}`,
        PREFURL: `${footnote.settings.baseUrl}${links.preferences}`,
      },
    });
    expect(interestsOf(footnote, member)).toEqual(['Morning Briefing', 'Science Weekly']);
    expect(Date.parse(member?.timestamp_opt ?? '')).toBeGreaterThan(Date.now() - 60_000);
  });

  it('leaves one list by its link and keeps the other', async () => {
    await footnote.http.post(`${links.unsubscribe}?list=science-weekly`).expect(200);
    expect(await footnote.lists(key)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'unsubscribed',
    });
    const member = await footnote.member(email);
    expect(member?.status).toBe('subscribed');
    expect(interestsOf(footnote, member)).toEqual(['Morning Briefing']);
    const { mail } = await footnote.mailTo(mailedAs, 'receipt');
    const [left, remaining] = mail.text.split(text('mail.receipt.remaining'));
    expect(left).toContain('Science Weekly');
    expect(left).not.toContain('Morning Briefing');
    expect(remaining).toContain('Morning Briefing');
    expect(remaining).not.toContain('Science Weekly');
  });

  it('sees a page behind the link, and nothing happens by looking', async () => {
    const page = await footnote.http.get(links.unsubscribe).expect(200);
    expect(page.text).toContain('Morning Briefing');
    expect(page.text.toLowerCase()).not.toContain('lovelace');
    expect(await footnote.lists(key)).toMatchObject({ 'morning-briefing': 'subscribed' });
  });

  it("is out at once by the mailbox provider's one click, and Mailchimp follows", async () => {
    const answer = await footnote.http
      .post(links.unsubscribe)
      .type('form')
      .send('List-Unsubscribe=One-Click');
    expect(answer.status).toBe(200);
    expect(answer.headers['location']).toBeUndefined();
    expect(await footnote.lists(key)).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'unsubscribed',
    });
    const member = await footnote.member(email);
    expect(member?.status).toBe('unsubscribed');
    expect(interestsOf(footnote, member)).toEqual([]);
    const { mail } = await footnote.mailTo(mailedAs, 'receipt');
    expect(mail.text).toContain('Morning Briefing');
    expect(mail.text).not.toContain('Science Weekly');
    expect(mail.text.replace(/\s+/g, ' ')).toContain(text('mail.receipt.none'));
  });

  it('cannot be brought back by the old confirmation link', async () => {
    expect((await footnote.http.post(links.confirm).expect(410)).text).toContain('/"');
    expect(await footnote.lists(key)).toMatchObject({ 'morning-briefing': 'unsubscribed' });
  });

  it('signs up again, at once, and comes back through a new confirmation only', async () => {
    await footnote.signUp(email, ['morning-briefing']).expect(202);
    expect(await footnote.lists(key)).toMatchObject({ 'morning-briefing': 'pending' });
    expect((await footnote.member(email))?.status).toBe('unsubscribed');
    const again = await footnote.mailTo(mailedAs, 'confirmation');
    expect(again.unsubscribe).toBe(links.unsubscribe);
    expect(again.confirm).not.toBe(links.confirm);
    await footnote.http.post(again.confirm).expect(200);
    expect(await footnote.member(email)).toMatchObject({ status: 'subscribed' });
    expect(await footnote.mails(key)).toEqual([
      'confirmation',
      'welcome',
      'receipt',
      'receipt',
      'confirmation',
      'welcome',
    ]);
  });

  it('has lost every mail since, and gets the link once more by typing the address', async () => {
    footnote.advance(2 * 60_000);
    await footnote.http.post('/my-link').type('form').send({ email }).expect(200);
    expect(await footnote.mailTo(mailedAs, 'my_link')).toMatchObject({ preferences: links.preferences });
  });

  it('asks what we know, and then to be forgotten, and is, here and at Mailchimp', async () => {
    const ask = (action: string) =>
      footnote.http.post(links.preferences).type('form').send({ action }).expect(200);
    await ask('copy');
    const copy = await footnote.mailTo(mailedAs, 'copy');
    expect(copy.mail.source.toString()).toContain('my-data.json');
    await ask('erase');
    const { erase } = await footnote.mailTo(mailedAs, 'erasure');
    await footnote.http.get(erase).expect(200);
    expect(await footnote.member(email)).toMatchObject({ status: 'subscribed' });
    await footnote.http.post(erase).expect(200);
    expect(await footnote.member(email)).toBeNull();
    expect(await footnote.lists(key)).toEqual({});
    await footnote.http.post(links.unsubscribe).expect(200);
    await footnote.mailsNoted();
    expect((await footnote.dump()).toLowerCase()).not.toContain('lovelace');
  });

  it.skipIf(contractMissing !== null)(
    "never asked Mailchimp anything that its API's description does not know",
    () => {
      expect(violations).toEqual([]);
    },
  );
});

/** The names of the interests that a member has, sorted. */
function interestsOf(footnote: Footnote, member: { interests: Record<string, boolean> } | null): string[] {
  const names = new Map(footnote.sandbox.audience.state.interests.map(({ id, name }) => [id, name]));
  return Object.entries(member?.interests ?? {})
    .flatMap(([id, on]) => (on ? (names.get(id) ?? id) : []))
    .sort();
}
