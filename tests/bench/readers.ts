import { sha256 } from '../../src/consent/ledger.ts';
import type { Service } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { tokenFor } from '../../src/subscribing/links.ts';
import { offeredLists } from '../../src/subscribing/lists.ts';

/** Subscribes people by the rules, as fast as they go. @returns their addresses */
export async function subscribed({ database, subscribing }: Service, count: number): Promise<string[]> {
  const lists = await offeredLists(database);
  const { version } = await database.prisma.consentWording.findFirstOrThrow({ where: { locale: 'en' } });
  const [secret] = readSettings({}).secretKeys;
  const circumstances = { ip: null, userAgent: null, page: null };
  const emails = Array.from({ length: count }, (_, n) => `subscriber${n}@reader.example`);
  for (const email of emails) {
    const parsed = parseAddress(email);
    if (!parsed.ok) throw new Error('the sample address is refused');
    await subscribing.run({
      type: 'sign_up',
      address: parsed.address,
      lists,
      wordingVersion: version,
      locale: 'en',
      firstName: null,
      channel: 'api',
      ...circumstances,
    });
    const { id, tokenHash } = await database.prisma.signUpRequest.findFirstOrThrow({
      where: { subscriber: { key: email } },
    });
    const token = tokenFor(secret, 'confirm', id);
    if (sha256(token) !== tokenHash) throw new Error('the token is another');
    await subscribing.run({ type: 'confirm', token, channel: 'confirm_page', ...circumstances });
  }
  return emails;
}
