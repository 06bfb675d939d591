import { describe, expect, it } from 'vitest';
import { type Person, wantedMember } from '../../src/mailchimp/lane/member.ts';

const links = {
  unsubscribe: 'https://news.example/unsubscribe/1',
  preferences: 'https://news.example/preferences/1',
};

function list(id: number, interest: string | null, subscribed: boolean): Person['lists'][number] {
  return { id, interest, mappedAt: null, subscribed, consentSeq: null, consentAt: null, imported: false };
}

const reader: Person = {
  email: 'Reader@news.example',
  firstName: null,
  locale: 'en',
  lists: [list(1, 'daily', true), list(2, 'weekly', false), list(3, null, false)],
  consent: { seq: 3, at: new Date('2026-11-23T09:30:00.123Z'), ip: '93.184.216.34', raises: 3 },
  takenConsentSeq: 0,
};

const consentFrom = (ip: string | null): Person => ({
  ...reader,
  consent: { seq: 3, at: new Date(), ip, raises: 3 },
});

describe('a person who confirmed', () => {
  it('is subscribed with the lists chosen, the links of the footer, and the time and place of the consent', () => {
    expect(wantedMember({ ...reader, firstName: 'Ada' }, links)).toEqual({
      email_address: 'Reader@news.example',
      status_if_new: 'subscribed',
      status: 'subscribed',
      interests: { daily: true, weekly: false },
      merge_fields: { FNAME: 'Ada', UNSUBURL: links.unsubscribe, PREFURL: links.preferences },
      language: 'en',
      ip_opt: '93.184.216.34',
      timestamp_opt: '2026-11-23T09:30:00+00:00',
    });
  });

  it('is not raised again by a consent that Mailchimp has taken already (I2)', () => {
    expect(wantedMember({ ...reader, takenConsentSeq: 3 }, links)).not.toHaveProperty('status');
  });

  it('is raised by a consent that is newer than the one taken', () => {
    expect(wantedMember({ ...reader, takenConsentSeq: 2 }, links)).toHaveProperty('status', 'subscribed');
  });

  it('leaves a first name alone that Mailchimp has and we have not', () => {
    expect(wantedMember(reader, links).merge_fields).not.toHaveProperty('FNAME');
  });
});

describe('a person on no list', () => {
  const left: Person = {
    ...reader,
    consent: null,
    lists: reader.lists.map((one) => ({ ...one, subscribed: false })),
  };

  it('is unsubscribed from the audience, and nothing more is told of them', () => {
    expect(wantedMember(left, links)).toEqual({
      email_address: 'Reader@news.example',
      status_if_new: 'unsubscribed',
      status: 'unsubscribed',
      interests: { daily: false, weekly: false },
    });
  });
});

describe('the address of the consent', () => {
  it.each(['93.184.216.34', '2a00:1450:4001:82a::200e'])('is told when it is public: %s', (ip) => {
    expect(wantedMember(consentFrom(ip), links).ip_opt).toBe(ip);
  });

  it('is told as IPv4 when it came mapped into IPv6', () => {
    expect(wantedMember(consentFrom('::ffff:93.184.216.34'), links).ip_opt).toBe('93.184.216.34');
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    '203.0.113.9',
    '240.0.0.1',
    '::1',
    'fe80::1',
    'fd00::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    'unknown',
    '',
    '1.2.3.4:5678',
  ])('is left out when it is private, reserved or none: "%s"', (ip) => {
    expect(wantedMember(consentFrom(ip), links)).not.toHaveProperty('ip_opt');
  });

  it('is left out when it is unknown', () => {
    expect(wantedMember(consentFrom(null), links)).not.toHaveProperty('ip_opt');
  });
});

describe('the language', () => {
  it.each([
    ['en', 'en'],
    ['de-AT', 'de'],
    ['PT_br', 'pt'],
  ])('of %s is %s', (locale, language) => {
    expect(wantedMember({ ...reader, locale }, links).language).toBe(language);
  });

  it.each(['', 'deu', '??'])('of "%s" is not told', (locale) => {
    expect(wantedMember({ ...reader, locale }, links)).not.toHaveProperty('language');
  });
});
