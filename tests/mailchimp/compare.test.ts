import { describe, expect, it } from 'vitest';
import type { Member } from '../../src/mailchimp/api/client.ts';
import { endingsOf, isEqual, isOn, mailBlockOf } from '../../src/mailchimp/lane/compare.ts';
import type { Contact } from '../../src/mailchimp/lane/contacts.ts';
import { wantedMember } from '../../src/mailchimp/lane/member.ts';
import { footerLinks } from './newsroom.ts';

const at = (time: string) => new Date(`2026-11-23T${time}Z`);
const linkKey = '0123456789abcdef0123456789abcdef';
const links = footerLinks(linkKey);
const daily = 1;

/** A reader of The Daily, whose consent Mailchimp took and confirmed at ten. */
function contactWith(more: Partial<Contact> = {}): Contact {
  return {
    subscriberId: '019ac000-0000-7000-8000-000000000000',
    email: 'Reader@news.example',
    key: 'reader@news.example',
    firstName: null,
    locale: 'en',
    linkKey,
    mailBlock: null,
    revision: 2,
    due: false,
    seen: null,
    attempts: 0,
    refusal: null,
    takenConsentSeq: 2,
    askedConsentSeq: 0,
    undone: null,
    acknowledgedAt: at('10:00:00'),
    look: true,
    reported: null,
    movedTo: null,
    memberStatus: 'subscribed',
    unanswered: false,
    unmapped: false,
    erase: null,
    consent: { seq: 2, at: at('09:00:00'), ip: null, raises: 2 },
    lists: [
      {
        id: daily,
        interest: 'a1',
        mappedAt: at('08:00:00'),
        subscribed: true,
        consentSeq: 2,
        consentAt: at('09:00:00'),
        imported: false,
      },
    ],
    ...more,
  };
}
const memberWith = (more: Partial<Member> = {}): Member => ({
  email_address: 'reader@news.example',
  status: 'subscribed',
  interests: { a1: true, theirs: true },
  merge_fields: { UNSUBURL: links.unsubscribe, PREFURL: links.preferences },
  timestamp_opt: '',
  last_changed: '2026-11-23T11:00:00+00:00',
  ...more,
});
const onNone = contactWith({
  consent: null,
  lists: contactWith().lists.map((list) => ({ ...list, subscribed: false })),
});
const untaken = contactWith({ takenConsentSeq: 0 });
const equal = (contact: Contact, member: Member | null) =>
  isEqual(contact, wantedMember(contact, links), member);
const ends = (contact: Contact, member: Member | null) =>
  endingsOf(contact, member).map(({ listId }) => listId);

describe('a member', () => {
  it.each([
    ['subscribed', true],
    ['pending', true],
    ['unsubscribed', false],
    ['cleaned', false],
    ['transactional', false],
    ['archived', false],
  ] as const)('that is %s is on: %s', (status, on) => {
    expect(isOn({ status })).toBe(on);
  });

  it('that is unknown is not on', () => {
    expect(isOn(null)).toBe(false);
  });
});

describe('a subscriber is equal (I4)', () => {
  it('with all of our interests as chosen, whatever the others', () => {
    expect(equal(contactWith(), memberWith())).toBe(true);
    expect(equal(contactWith(), memberWith({ interests: { a1: true } }))).toBe(true);
    expect(equal(contactWith(), memberWith({ interests: { a1: false, theirs: true } }))).toBe(false);
    expect(equal(contactWith(), memberWith({ interests: {} }))).toBe(false);
  });

  it('with both footer links, also when Mailchimp spells them differently', () => {
    const { unsubscribe, preferences } = links;
    expect(equal(contactWith(), memberWith({ merge_fields: { UNSUBURL: unsubscribe } }))).toBe(false);
    expect(equal(contactWith(), memberWith({ merge_fields: { UNSUBURL: 7, PREFURL: preferences } }))).toBe(
      false,
    );
    const respelled = { UNSUBURL: `${unsubscribe}/`, PREFURL: preferences.replace('https', 'HTTPS') };
    expect(equal(contactWith(), memberWith({ merge_fields: respelled }))).toBe(true);
  });

  it.each(['pending', 'unsubscribed', 'cleaned', 'transactional', 'archived'] as const)(
    'not while the member is %s',
    (status) => {
      expect(equal(contactWith(), memberWith({ status }))).toBe(false);
    },
  );

  it('not while the audience does not know them', () => {
    expect(equal(contactWith(), null)).toBe(false);
  });
});

describe('somebody on no list is equal (I2)', () => {
  it.each([
    ['unknown', null, true],
    ['archived', memberWith({ status: 'archived' }), true],
    ['cleaned', memberWith({ status: 'cleaned' }), true],
    ['unsubscribed from all', memberWith({ status: 'unsubscribed', interests: { a1: false } }), true],
    ['unsubscribed with an interest of ours', memberWith({ status: 'unsubscribed' }), false],
    ['transactional', memberWith({ status: 'transactional', interests: {} }), true],
    ['subscribed', memberWith({ interests: {} }), false],
    ['pending', memberWith({ status: 'pending', interests: {} }), false],
  ])('when the member is %s: %o', (_how, member, expected) => {
    expect(equal(onNone, member)).toBe(expected);
  });
});

describe('an "off" over there ends a subscription here', () => {
  it.each(['unsubscribed', 'cleaned'] as const)(
    'when the member is %s and had taken the consent',
    (status) => {
      expect(ends(contactWith(), memberWith({ status }))).toEqual([daily]);
    },
  );

  it.each(['subscribed', 'pending', 'transactional'] as const)('not when the member is %s', (status) => {
    expect(ends(contactWith(), memberWith({ status }))).toEqual([]);
  });

  it('when it is younger than a consent that Mailchimp has not taken, not when older (I2)', () => {
    const changed = (last_changed: string) => memberWith({ status: 'unsubscribed', last_changed });
    expect(ends(untaken, changed('2026-11-23T09:00:01+00:00'))).toEqual([daily]);
    expect(ends(untaken, changed('2026-11-23T08:59:58+00:00'))).toEqual([]);
  });

  it('in the very second of the consent, and at a time that is untold: off is the safe side', () => {
    const late = contactWith({
      takenConsentSeq: 0,
      lists: contactWith().lists.map((list) => ({ ...list, consentAt: at('09:00:00.700') })),
    });
    const sameSecond = memberWith({ status: 'unsubscribed', last_changed: '2026-11-23T09:00:00+00:00' });
    expect(ends(late, sameSecond)).toEqual([daily]);
    const past = untaken.lists.map((list) => ({ ...list, consentAt: new Date(Date.now() - 1_000) }));
    expect(
      ends({ ...untaken, lists: past }, memberWith({ status: 'unsubscribed', last_changed: '' })),
    ).toEqual([daily]);
  });

  it('not when we knew it before the consent, whatever changed since', () => {
    const knew = { ...untaken, memberStatus: 'unsubscribed' };
    expect(ends(knew, memberWith({ status: 'unsubscribed' }))).toEqual([]);
    expect(ends(knew, memberWith({ status: 'cleaned' }))).toEqual([daily]);
  });

  it.each([
    ['archived', memberWith({ status: 'archived' })],
    ['gone', null],
  ])('that is %s only when a webhook told of a way out', (_how, member) => {
    expect(ends(contactWith(), member)).toEqual([]);
    expect(ends(contactWith({ reported: 'left' }), member)).toEqual([daily]);
    expect(ends({ ...untaken, reported: 'left' }, member)).toEqual([]);
  });

  it('of a group ends its list, and only after Mailchimp confirmed it with this interest', () => {
    const off = memberWith({ interests: { a1: false } });
    expect(ends(contactWith(), off)).toEqual([daily]);
    expect(ends(untaken, off)).toEqual([]);
    expect(ends(contactWith({ acknowledgedAt: null }), off)).toEqual([]);
    expect(ends(contactWith({ acknowledgedAt: at('07:00:00') }), off)).toEqual([]);
    // An older call of ours may have landed late, unless somebody tells of news.
    expect(ends(contactWith({ unanswered: true, look: false }), off)).toEqual([]);
    expect(ends(contactWith({ unanswered: true, look: true }), off)).toEqual([daily]);
    // A deleted interest is shown to nobody, which is no word of theirs.
    expect(ends(contactWith(), memberWith({ interests: {} }))).toEqual([]);
  });

  it('of a group ends its list when the answer of the call that told it got lost (R-04)', () => {
    const arrived = { timestamp_opt: '2026-11-23T09:00:00+00:00', interests: { a1: false } };
    const lost = { ...untaken, unanswered: true, look: true };
    expect(ends(lost, memberWith(arrived))).toEqual([daily]);
    expect(ends(lost, memberWith({ ...arrived, timestamp_opt: '2026-11-23T08:59:59+00:00' }))).toEqual([]);
    // No call was lost, so it is another consent of the same second.
    expect(ends(untaken, memberWith(arrived))).toEqual([]);
  });

  it('names the consent that it was compared with', () => {
    expect(endingsOf(contactWith(), memberWith({ status: 'unsubscribed' }))).toEqual([
      { listId: daily, consentSeq: 2 },
    ]);
    expect(endingsOf(onNone, memberWith({ status: 'unsubscribed' }))).toEqual([]);
  });
});

describe('mails are kept back', () => {
  const blocked = (more: Partial<Contact>, status: Member['status']) =>
    mailBlockOf(contactWith(more), memberWith({ status }));

  it('from who bounced, and from who complained while Mailchimp does not mail them either', () => {
    expect(blocked({}, 'cleaned')).toBe('bounced');
    expect(blocked({ reported: 'complained' }, 'unsubscribed')).toBe('complained');
    expect(blocked({ reported: 'complained' }, 'cleaned')).toBe('complained');
    // A forged complaint is refuted by the member.
    expect(blocked({ reported: 'complained' }, 'subscribed')).toBeNull();
    expect(blocked({ reported: 'complained' }, 'pending')).toBeNull();
    expect(blocked({ reported: 'left' }, 'unsubscribed')).toBeNull();
  });

  it('until Mailchimp shows them subscribed, and a bounce does not make a complaint less', () => {
    expect(blocked({ mailBlock: 'complained' }, 'cleaned')).toBe('complained');
    expect(blocked({ mailBlock: 'bounced' }, 'pending')).toBe('bounced');
    for (const mailBlock of ['bounced', 'complained'] as const)
      expect(blocked({ mailBlock }, 'subscribed')).toBeNull();
  });
});
