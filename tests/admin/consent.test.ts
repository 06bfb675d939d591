import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';

describe('an editor who words the consent anew', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key });
  });
  afterAll(() => footnote.stop());

  const put = (locale: string, body: object) =>
    footnote.http.put(`/admin/api/consent-texts/${locale}`).auth(key, { type: 'bearer' }).send(body);

  it('changes the forms of one language, and keeps what others agreed to (C-13)', async () => {
    await footnote.signUp('ada@reader.example', ['science-weekly'], { locale: 'de' }).expect(202);
    const before = await footnote.http.get('/lists?locale=de').expect(200);
    const text = 'Mit der Anmeldung stimmen Sie der Übermittlung an Mailchimp zu.';
    const { version } = (await put('de', { text }).expect(200)).body;

    const after = await footnote.http.get('/lists?locale=de').expect(200);
    expect(after.body.consent).toEqual({ version, locale: 'de', text });
    expect((await footnote.http.get('/lists')).body.consent.locale).toBe('en');
    const [event] = await footnote.service.database.query<{ text: string }>(
      `SELECT wording.text FROM consent_events event
         JOIN consent_wordings wording ON wording.version = event.wording_version`,
    );
    expect(event?.text).toBe(before.body.consent.text);
  });

  it('is told what is wrong', async () => {
    const empty = await put('de', { text: '  ' }).expect(422);
    expect(empty.body.errors).toEqual([{ field: 'text', message: 'must not be empty' }]);
    expect((await put('tlh', { text: 'nuqneH' }).expect(404)).body.detail).toContain('en, de, fr');
    await footnote.http.put('/admin/api/consent-texts/de').send({ text: 'By a stranger.' }).expect(401);
  });

  it('finds one text a language', async () => {
    const { body } = await footnote.http
      .get('/admin/api/consent-texts')
      .auth(key, { type: 'bearer' })
      .expect(200);
    expect(body.texts.map(({ locale }: { locale: string }) => locale)).toEqual([
      'ar',
      'de',
      'en',
      'es',
      'fr',
      'it',
      'pl',
      'pt',
      'ru',
    ]);
  });
});
