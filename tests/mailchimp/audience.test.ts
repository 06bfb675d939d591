import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type MailchimpApi } from '../../src/mailchimp/api/client.ts';
import { readyAudience } from '../../src/mailchimp/audience.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { archiveList } from '../../src/subscribing/lists.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

describe('the audience', () => {
  let newsroom: Newsroom;
  let sandbox: Sandbox;
  let api: MailchimpApi;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newAudience();
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://localhost:3000', folder: null });
    api = connect(sandbox.mailchimp);
  });
  afterEach(() => sandbox.stop());

  const ready = () => readyAudience({ database: newsroom.database, api });
  const namesThere = () => sandbox.audience.state.interests.map(({ name }) => name).sort();
  const mapping = async () =>
    Object.fromEntries(
      (await newsroom.database.prisma.audienceInterest.findMany({ include: { list: true } })).map(
        ({ list, interestId }) => [
          list.slug,
          sandbox.audience.state.interests.find(({ id }) => id === interestId)?.name,
        ],
      ),
    );
  const writes = () => {
    const seen: string[] = [];
    sandbox.audience.observe(({ method, path }) => {
      if (method !== 'GET') seen.push(`${method} ${path}`);
    });
    return seen;
  };

  it('gets one category, an interest per list and the fields for the links of the footer', async () => {
    expect(await ready()).toEqual({
      category: { name: 'Newsletters', state: 'created' },
      interests: [
        { name: 'The Daily', state: 'created' },
        { name: 'The Weekly', state: 'created' },
      ],
      mergeFields: [
        { name: 'UNSUBURL', state: 'created' },
        { name: 'PREFURL', state: 'created' },
      ],
    });
    expect(sandbox.audience.state.categories).toMatchObject([{ title: 'Newsletters', type: 'checkboxes' }]);
    expect(await mapping()).toEqual({ daily: 'The Daily', weekly: 'The Weekly' });
    expect(sandbox.audience.state.merge_fields).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ tag: 'UNSUBURL', type: 'url', public: false }),
        expect.objectContaining({ tag: 'PREFURL', type: 'url', public: false }),
      ]),
    );
  });

  it('stays as it is when it is ready', async () => {
    await ready();
    const written = writes();
    await ready();
    expect(written).toEqual([]);
  });

  it('is made ready once when two ask at the same time', async () => {
    await Promise.all([ready(), ready()]);
    expect(namesThere()).toEqual(['The Daily', 'The Weekly']);
  });

  it('uses interests that an editor made before, in whatever order', async () => {
    const category = await api.createInterestCategory({ title: 'Newsletters', type: 'checkboxes' });
    await api.createInterest(category.id, { name: 'The Weekly' });
    await api.createInterest(category.id, { name: 'The Daily' });
    await ready();
    expect(namesThere()).toEqual(['The Daily', 'The Weekly']);
    expect(await mapping()).toEqual({ daily: 'The Daily', weekly: 'The Weekly' });
  });

  it('keeps its interest when an editor renames it', async () => {
    await ready();
    for (const interest of sandbox.audience.state.interests) interest.name += ' (old)';
    for (const category of sandbox.audience.state.categories) category.title = 'Letters';
    const written = writes();
    await ready();
    expect(written).toEqual([]);
  });

  it('gives two lists of one name an interest each', async () => {
    await newsroom.addList('evening', 'The Daily');
    try {
      await ready();
      expect(await mapping()).toEqual({
        daily: 'The Daily',
        weekly: 'The Weekly',
        evening: 'The Daily (evening)',
      });
      await newsroom.newAudience();
      await ready();
      expect(namesThere()).toEqual(['The Daily', 'The Daily (evening)', 'The Weekly']);
    } finally {
      await archiveList(newsroom.database, 'evening', new Date());
    }
  });

  it('gets no interest for an archived list that nobody is on', async () => {
    await ready();
    expect(namesThere()).not.toContain('The Daily (evening)');
  });

  it('sends people again whose interest was deleted, to the one made in its place', async () => {
    await ready();
    await newsroom.subscribe('reader@news.example', 'daily');
    await newsroom.subscribe('other@news.example', 'weekly');
    const [before, other] = [
      await newsroom.contact('reader@news.example'),
      await newsroom.contact('other@news.example'),
    ];
    const { interests } = sandbox.audience.state;
    interests.splice(
      interests.findIndex(({ name }) => name === 'The Daily'),
      1,
    );
    await ready();
    expect(await mapping()).toEqual({ daily: 'The Daily', weekly: 'The Weekly' });
    expect((await newsroom.contact('reader@news.example')).wanted).toBe(before.wanted + 1);
    expect((await newsroom.contact('other@news.example')).wanted).toBe(other.wanted);
  });

  describe('when it is another one', () => {
    let other: Sandbox;
    beforeEach(async () => {
      other = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://localhost:3000', folder: null });
    });
    afterEach(() => other.stop());

    it('is mapped anew', async () => {
      await ready();
      await readyAudience({ database: newsroom.database, api: connect(other.mailchimp) });
      const rows = await newsroom.database.prisma.audienceInterest.findMany();
      expect(rows.map(({ audienceId }) => audienceId)).toEqual(rows.map(() => other.mailchimp.audienceId));
      expect(rows.map(({ interestId }) => interestId).sort()).toEqual(
        other.audience.state.interests.map(({ id }) => id).sort(),
      );
    });

    it("has taken nobody's consent, so everyone is sent to it from the start", async () => {
      await ready();
      await newsroom.subscribe('moved@news.example', 'daily');
      await newsroom.subscribe('parked@news.example', 'weekly');
      await newsroom.database.query(
        `UPDATE audience_contacts
            SET acknowledged = wanted, consent_seq = 2, asked_seq = 2, member_status = 'subscribed', attempts = 3,
                due_at = NULL, refusal = '{"kind":"compliance"}'`,
      );
      const untouched = await newsroom.contact('moved@news.example');
      await ready();
      expect(await newsroom.contact('moved@news.example')).toEqual(untouched);

      await readyAudience({ database: newsroom.database, api: connect(other.mailchimp) });
      for (const email of ['moved@news.example', 'parked@news.example']) {
        expect(await newsroom.contact(email)).toMatchObject({
          acknowledged: 0,
          consentSeq: 0,
          askedSeq: 0,
          memberStatus: null,
          refusal: null,
          attempts: 0,
          dueAt: expect.any(Date),
        });
      }
    });
  });

  it('is left as it was when the interests would be too many, counted over all categories', async () => {
    const topics = await api.createInterestCategory({ title: 'Topics', type: 'checkboxes' });
    for (let n = 0; n < 59; n++) await api.createInterest(topics.id, { name: `Topic ${n}` });
    const written = writes();
    await expect(ready()).rejects.toMatchObject({
      detail: expect.stringMatching(/no more than 60 interests.* has 59 .* our 2 mailing lists 2 .*Archive/),
    });
    expect(written).toEqual([]);
    const [spare] = await api.listInterests(topics.id);
    sandbox.audience.state.interests.splice(
      sandbox.audience.state.interests.findIndex(({ id }) => id === spare?.id),
      1,
    );
    await ready();
    expect(sandbox.audience.state.interests).toHaveLength(60);
  });
});
