import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import * as esbuild from 'esbuild';
import { Router } from 'express';
import { type ConsentWording, consentWordings } from '../consent/wordings.ts';
import { type Language, languageOf, locales } from '../languages/language.ts';
import { root } from '../platform/root.ts';
import type { OfferedList } from '../subscribing/commands.ts';
import { offeredLists } from '../subscribing/lists.ts';
import type { Offered, Spoken } from '../widget/offered.ts';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';

/**
 * `GET /embed.js`: the widget. All that it shows is written behind its code, so that a site makes one request
 * and nothing on it moves later. The same for everybody, so anybody may keep it for a while. `GET /altcha.js`:
 * what it loads where ALTCHA is on.
 */
export function embedRoutes({ database }: Pick<Web, 'database'>): Router {
  const router = Router();
  let packing: Promise<Packed> | null = null;
  let packed: Packed | null = null;

  async function packAnew(): Promise<Packed> {
    const [{ widget }, lists, wordings] = await Promise.all([
      widgetCode(),
      offeredLists(database),
      consentWordings(database),
    ]);
    const text = `(offered=>{${widget}})(${JSON.stringify(whatIsOffered(lists, wordings))});\n`;
    if (packed?.text !== text) packed = pack(text);
    return packed;
  }

  router
    .route('/embed.js')
    .get(async (req, res) => {
      // Requests that come while the offer is being read share that reading.
      packing ??= packAnew().finally(() => {
        packing = null;
      });
      const { etag, as } = await packing;
      const coding = codings.find((coding) => coding === req.acceptsEncodings(...codings)) ?? 'identity';
      if (coding !== 'identity') res.set('Content-Encoding', coding);
      res.vary('Accept-Encoding');
      res.set({
        'Content-Type': 'text/javascript; charset=utf-8',
        'Cache-Control': 'public, max-age=300',
        // To be loaded by other sites is what it is for.
        'Cross-Origin-Resource-Policy': 'cross-origin',
        ETag: etag,
      });
      res.send(await as[coding]);
    })
    .all(onlyVerbs('GET'));

  router
    .route('/altcha.js')
    .get(async (_req, res) => {
      const { solver } = await widgetCode();
      res.set({
        'Content-Type': 'text/javascript; charset=utf-8',
        'Cache-Control': 'public, max-age=300',
        'Cross-Origin-Resource-Policy': 'cross-origin',
        // It is imported, and modules are fetched as fetch fetches.
        'Access-Control-Allow-Origin': '*',
      });
      res.send(solver);
    })
    .all(onlyVerbs('GET'));

  return router;
}

/** What the widget shows, in each language that has a consent text. @throws when there is none */
function whatIsOffered(lists: readonly OfferedList[], wordings: readonly ConsentWording[]): Offered {
  const languages = locales.flatMap((locale) => {
    const consent = wordings.find((wording) => wording.locale === locale);
    return consent === undefined ? [] : [[locale, spokenIn(languageOf(locale), consent)] as const];
  });
  if (languages.length === 0) throw new Error('no consent wording is on offer');
  return {
    lists: lists.map(({ slug, name, description }) => [slug, name, description]),
    languages: Object.fromEntries(languages),
  };
}

const spokenIn = ({ dir, text }: Language, consent: ConsentWording): Spoken => [
  dir,
  text('signUp.title'),
  text('signUp.legend'),
  text('signUp.email'),
  text('signUp.submit'),
  text('embed.sending'),
  text('embed.unreachable'),
  text('embed.failed'),
  text('thanks.title'),
  text('thanks.next'),
  text('embed.another'),
  consent.text,
  consent.version,
];

const codings = ['br', 'gzip'] as const;

interface Packed {
  text: string;
  /** A weak one, since it is the same for every coding (RFC 9110, 8.8.1). */
  etag: string;
  as: Record<(typeof codings)[number] | 'identity', Promise<Buffer>>;
}

/** Compresses a text once for all who ask for it. */
function pack(text: string): Packed {
  const bytes = Buffer.from(text);
  return {
    text,
    etag: `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    as: {
      br: promisify(brotliCompress)(bytes),
      // Small blocks, as code, Latin, Cyrillic and Arabic have little in common: 5 % less.
      gzip: promisify(gzip)(bytes, { level: 9, memLevel: 5 }),
      identity: Promise.resolve(bytes),
    },
  };
}

interface Code {
  widget: string;
  /** Of ALTCHA's challenges. */
  solver: string;
}

let building: Promise<Code> | null = null;

/** The widget's code, bundled when it is first asked for: it costs the start nothing. Who asks meanwhile shares it. */
function widgetCode(): Promise<Code> {
  building ??= bundle().catch((error: unknown) => {
    building = null;
    throw error;
  });
  return building;
}

async function bundle(): Promise<Code> {
  const folder = path.join(root, 'src/widget');
  const target = ['es2022', 'chrome111', 'firefox113', 'safari16.4'];
  try {
    const { code: styles } = await esbuild.transform(await readFile(path.join(folder, 'style.css')), {
      loader: 'css',
      minify: true,
      target,
    });
    const { outputFiles } = await esbuild.build({
      entryPoints: { widget: path.join(folder, 'embed.ts'), solver: path.join(folder, 'altcha.ts') },
      outdir: folder,
      tsconfig: path.join(folder, 'tsconfig.json'),
      define: { styles: JSON.stringify(styles) },
      bundle: true,
      minify: true,
      charset: 'utf8',
      format: 'esm',
      target,
      write: false,
      logLevel: 'silent',
    });
    const text = (name: keyof Code) => {
      const output = outputFiles.find((file) => path.basename(file.path, '.js') === name);
      if (output === undefined) throw new Error(`the bundle of the ${name} is empty`);
      return output.text;
    };
    return { widget: text('widget'), solver: text('solver') };
  } finally {
    // Ends esbuild's own process, which nobody needs any more.
    await esbuild.stop();
  }
}
