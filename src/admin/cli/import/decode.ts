/** An encoding that files of addresses come in. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** Gives the bytes of a file from their beginning, as often as it is asked. */
export type Bytes = () => AsyncIterable<Uint8Array>;

/** The longest text that is looked at to guess how a file is built, in bytes. */
const headSize = 64 * 1024;

/**
 * Reads a whole file once to know its encoding: by its byte order mark or the places of its NULs, and as UTF-8
 * where every byte of it agrees. One invalid byte decides only where nothing else speaks for UTF-8: then it is
 * Windows-1252. Otherwise it stays UTF-8, and the rows that cannot be read show U+FFFD.
 * @returns also the beginning of the text
 */
export async function judge(bytes: Bytes): Promise<{ encoding: Encoding; head: string }> {
  let head: Uint8Array = new Uint8Array();
  let valid = true;
  const strict = new TextDecoder('utf-8', { fatal: true });
  const isValid = (chunk?: Uint8Array) => {
    try {
      strict.decode(chunk, { stream: chunk !== undefined });
      return true;
    } catch {
      return false;
    }
  };
  for await (const chunk of bytes()) {
    if (head.length < headSize) head = Buffer.concat([head, chunk.subarray(0, headSize - head.length)]);
    valid &&= isValid(chunk);
  }
  valid &&= isValid();

  const encoding =
    marked(head) ?? wide(head) ?? (valid || (await isMostlyUtf8(bytes)) ? 'utf-8' : 'windows-1252');
  return { encoding, head: new TextDecoder(encoding).decode(head, { stream: true }) };
}

/** The text of a file, without its byte order mark. What cannot be decoded becomes U+FFFD. */
export async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  encoding: Encoding,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function marked(head: Uint8Array): Encoding | null {
  const [first, second, third] = head;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return null;
}

/** UTF-16 without a mark: the upper half of nearly every letter of an address is NUL. */
function wide(head: Uint8Array): Encoding | null {
  const nuls = [0, 0];
  for (const [index, byte] of head.entries()) if (byte === 0) nuls[index % 2] = (nuls[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = nuls;
  const many = head.length / 5;
  if (odd > many && even < odd / 10) return 'utf-16le';
  if (even > many && odd < even / 10) return 'utf-16be';
  return null;
}

async function isMostlyUtf8(bytes: Bytes): Promise<boolean> {
  let good = 0;
  let bad = 0;
  for await (const text of decoded(bytes(), 'utf-8')) {
    const lost = text.split('\uFFFD').length - 1;
    bad += lost;
    good += (text.match(/\P{ASCII}/gu)?.length ?? 0) - lost;
  }
  return good > bad;
}
