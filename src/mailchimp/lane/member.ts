import { BlockList, isIP } from 'node:net';
import { type PutMember, withoutMilliseconds } from '../api/client.ts';

/** What we hold about a person, as far as Mailchimp is told of it. */
export interface Person {
  email: string;
  firstName: string | null;
  locale: string;
  /** Every list that the audience has an interest for, and every one that they are on. */
  lists: {
    id: number;
    /** Null while the audience has none. */
    interest: string | null;
    /** Since when it stands for the list. */
    mappedAt: Date | null;
    subscribed: boolean;
    /** The consent that the subscription rests or rested on. */
    consentSeq: number | null;
    /** When it was given, be it in another system. */
    consentAt: Date | null;
  }[];
  /** The newest consent behind a current subscription; null when they are on no list. */
  consent: { seq: number; at: Date; ip: string | null } | null;
  /** The newest consent that Mailchimp has taken. */
  takenConsentSeq: number;
}

/** The person's own links, for the footer of campaigns. */
export interface FooterLinks {
  unsubscribe: string;
  preferences: string;
}

/**
 * What Mailchimp is to know of a person. Someone on no list is unsubscribed from the audience, or they
 * would go on to count and to get what is sent to all. `status: subscribed` is said for a consent that
 * Mailchimp has not taken before, and only then: a repeat of an older one could raise somebody who left
 * over there (I2).
 */
export function wantedMember(person: Person, links: FooterLinks): PutMember {
  const { consent } = person;
  const interests = Object.fromEntries(
    person.lists.flatMap(({ interest, subscribed }) => (interest === null ? [] : [[interest, subscribed]])),
  );
  if (consent === null) {
    return { email_address: person.email, status_if_new: 'unsubscribed', status: 'unsubscribed', interests };
  }
  const language = languageOf(person.locale);
  const ip = consent.ip === null ? null : publicIp(consent.ip);
  return {
    email_address: person.email,
    status_if_new: 'subscribed',
    ...(consent.seq > person.takenConsentSeq && { status: 'subscribed' }),
    interests,
    merge_fields: {
      ...(person.firstName !== null && { FNAME: person.firstName }),
      UNSUBURL: links.unsubscribe,
      PREFURL: links.preferences,
    },
    ...(language !== null && { language }),
    ...(ip !== null && { ip_opt: ip }),
    timestamp_opt: withoutMilliseconds(consent.at),
  };
}

/** Mailchimp's codes for contacts are two letters; its few regional ones are not those of locales. */
function languageOf(locale: string): string | null {
  return /^[a-z]{2}(?=$|[-_])/i.exec(locale)?.[0].toLowerCase() ?? null;
}

// IANA's special-purpose registries (RFC 6890): what cannot be the address of a reader's connection.
const unroutable = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  unroutable.addSubnet(network, prefix, 'ipv4');
}
const routableIpv6 = new BlockList();
routableIpv6.addSubnet('2000::', 3, 'ipv6');
const documentationIpv6 = new BlockList();
documentationIpv6.addSubnet('2001:db8::', 32, 'ipv6');

/** Mailchimp refuses the whole member for an address that it takes for invalid, so better none. */
function publicIp(ip: string): string | null {
  const address = ip.replace(/^::ffff:(?=\d+\.)/i, '');
  switch (isIP(address)) {
    case 4:
      return unroutable.check(address, 'ipv4') ? null : address;
    case 6:
      return routableIpv6.check(address, 'ipv6') && !documentationIpv6.check(address, 'ipv6')
        ? address
        : null;
    default:
      return null;
  }
}
