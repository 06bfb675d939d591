import { existsSync, readFileSync } from 'node:fs';

export interface IsemailCase {
  id: string;
  address: string;
  /** Without its prefix: VALID_CATEGORY, DNSWARN, RFC5321, RFC5322, CFWS, DEPREC or ERR. */
  category: string;
}

const corpus = new URL('../../../shared/data/isemail/tests.xml', import.meta.url);

/**
 * The isemail corpus (E-02) by Dominic Sayers, BSD licence. Where it is not laid beside the checkout, says so
 * and returns nothing, for the tests over it to skip.
 */
export function readIsemail(): IsemailCase[] {
  if (!existsSync(corpus)) {
    process.stderr.write(`Tests over the isemail corpus are skipped: there is no ${corpus.pathname}\n`);
    return [];
  }
  return [...readFileSync(corpus, 'utf8').matchAll(/<test id="(\d+)">(.*?)<\/test>/gs)].map(
    ([, id = '', body = '']) => ({
      id,
      address: unescapeXml(/<address>(.*?)<\/address>/s.exec(body)?.[1] ?? ''),
      category: /<category>ISEMAIL_(\w+)<\/category>/.exec(body)?.[1] ?? '',
    }),
  );
}

/** XML 1.0 cannot hold control characters: the corpus writes them as U+2400 + n. */
function unescapeXml(text: string): string {
  return text
    .replace(/&#x([\dA-F]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replace(/[\u2400-\u241f]/g, (symbol) => String.fromCodePoint(symbol.charCodeAt(0) - 0x2400));
}
