import { readFileSync, statSync } from 'node:fs';

/** The publisher's logo. `width` and `height` are the file's, in pixels. */
export interface Logo {
  png: Buffer;
  width: number;
  height: number;
}

// A page stays below 30 kB with its logo, and a small file must not unfold to a huge picture.
const mostBytes = 16_000;
const mostPixels = 4096;

/** How every PNG begins (PNG 3, § 5.2 and § 11.2.1); width and height follow. */
const beginning = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');

/**
 * Reads the logo from its file.
 * @returns the logo, or what is wrong with it, as the end of a sentence and without its path
 */
export function readLogo(path: string): Logo | string {
  const png = smallFile(path);
  if (typeof png === 'string') return png;
  if (png.length < beginning.length + 8 || !png.subarray(0, beginning.length).equals(beginning))
    return 'must be a PNG file';
  const width = png.readUInt32BE(beginning.length);
  const height = png.readUInt32BE(beginning.length + 4);
  if (width === 0 || height === 0) return 'must be a PNG file';
  if (Math.max(width, height) > mostPixels) return `must be ${mostPixels} pixels wide and high at most`;
  return { png, width, height };
}

function smallFile(path: string): Buffer | string {
  try {
    const file = statSync(path);
    if (!file.isFile()) return 'must be a file';
    return file.size > mostBytes ? 'must be a file of at most 16 kB' : readFileSync(path);
  } catch {
    return 'must be the path of a file that can be read';
  }
}
