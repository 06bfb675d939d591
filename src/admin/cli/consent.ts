import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { consentText as text } from '../shapes.ts';
import { call, Failure } from './call.ts';
import { print, table } from './output.ts';

const lines = (texts: z.infer<typeof text>[]) =>
  table(texts.map(({ locale, version, text }) => [locale, version.slice(0, 12), text]));

/** `consent texts|edit` @returns `consent`, for what else it can do */
export function addConsentCommands(program: Command): Command {
  const consent = program.command('consent').description('what readers agree to');

  consent
    .command('texts')
    .description('the texts under the forms, one a language')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- consent texts')
    .action(async ({ json = false }: { json?: boolean }) => {
      print((await call(z.object({ texts: z.array(text) }), 'GET', '/consent-texts')).texts, json, lines);
    });

  consent
    .command('edit')
    .description('put another text under the forms of a language; earlier ones stay as proof')
    .argument('<locale>', 'such as en or de')
    .addOption(new Option('--text <text>', 'the text').conflicts('file'))
    .addOption(new Option('--file <file>', 'a file that holds it, in UTF-8'))
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- consent edit de --file consent-de.txt')
    .action(
      async (locale: string, given: { json?: boolean; text?: string; file?: string }, command: Command) => {
        const { json = false, file } = given;
        const wording = file === undefined ? given.text : readText(file);
        if (wording === undefined) return command.error('error: --text or --file is needed');
        const path = `/consent-texts/${encodeURIComponent(locale)}`;
        print([await call(text, 'PUT', path, { text: wording })], json, lines);
      },
    );
  return consent;
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch {
    throw new Failure(`${file} cannot be read as a text in UTF-8`);
  }
}
