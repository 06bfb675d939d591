import { type Entry, openPromise } from 'yauzl';
import { Failure } from '../call.ts';
import { type Source, sourceOf } from './source.ts';

/** What packs better, or gives more, was made to fill a machine. The reader holds each to the size that it states. */
const mostBytes = 8 * 2 ** 30;
const bestRatio = 200;

/**
 * What the name of a CSV in Mailchimp's export says of everybody in it: `subscribed`, `unsubscribed`, `cleaned`,
 * `nonsubscribed`… `{state: null}` for an export that does not tell, null for no export.
 */
export function mailchimpState(file: string): { state: string | null } | null {
  const name =
    /^(?:(subscribed|unsubscribed|cleaned|nonsubscribed|transactional|pending|archived)_)?(?:email_audience|audience|segment|members)_export/i;
  const match = name.exec(file.split('/').at(-1) ?? '');
  return match === null ? null : { state: match[1]?.toLowerCase() ?? null };
}

/**
 * Opens Mailchimp's export of an audience, or a zip of one CSV of anybody's. Only CSVs whose name says what they are
 * are taken from several: an export of an account holds reports with addresses, too.
 * @param count is told of bytes that were read
 * @returns the CSVs to be read, and the names of what else is in it
 * @throws Failure
 */
export async function openZip(
  path: string,
  count: (bytes: number) => void,
): Promise<{ sources: Source[]; leftOut: string[]; close(): void }> {
  const zip = await openPromise(path, { autoClose: false }).catch((error: unknown) => damaged(path, error));
  try {
    const entries: Entry[] = [];
    const others: string[] = [];
    for await (const entry of zip.eachEntry()) {
      const isCsv =
        /(?:^|\/)[^./][^/]*\.csv$/i.test(entry.fileName) && !entry.fileName.startsWith('__MACOSX/');
      if (isCsv) entries.push(entry);
      else if (!entry.fileName.endsWith('/')) others.push(entry.fileName);
    }
    if (others.includes('xl/workbook.xml'))
      throw new Failure(`${path} is a workbook of Excel: save it as CSV`);
    if (entries.length === 0) throw new Failure(`${path} is a zip without any CSV`);
    const known = entries.filter(({ fileName }) => mailchimpState(fileName) !== null);
    const taken = known.length === 0 && entries.length === 1 ? entries : known;
    if (taken.length === 0)
      throw new Failure(
        `${path} holds several CSVs, none of them named like Mailchimp's exports: unpack it and import them one by one`,
      );
    check(path, taken);
    return {
      sources: taken.map((entry) =>
        sourceOf(entry.fileName, entry.uncompressedSize, () => zip.openReadStreamPromise(entry), count),
      ),
      leftOut: [
        ...entries.filter((entry) => !taken.includes(entry)).map(({ fileName }) => fileName),
        ...others,
      ],
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    return error instanceof Failure ? Promise.reject(error) : damaged(path, error);
  }
}

function check(path: string, entries: readonly Entry[]): void {
  for (const { fileName, uncompressedSize, compressedSize } of entries) {
    if (uncompressedSize > 2 ** 20 + compressedSize * bestRatio)
      throw new Failure(
        `${path}: ${fileName} unpacks to more than ${bestRatio} times its size, as no list of addresses does`,
      );
  }
  if (entries.some((entry) => entry.isEncrypted()))
    throw new Failure(`${path} is protected by a password: unpack it, and import the CSVs in it`);
  if (!entries.every((entry) => entry.canDecodeFileData()))
    throw new Failure(`${path} is packed in an unusual way: unpack it, and import the CSVs in it`);
  if (entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0) > mostBytes)
    throw new Failure(`${path} unpacks to more than ${mostBytes / 2 ** 30} GB`);
}

function damaged(path: string, error: unknown): never {
  throw new Failure(
    `${path} is a zip that cannot be read: ${error instanceof Error ? error.message : 'damaged'}`,
  );
}
