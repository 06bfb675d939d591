import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';

// `npm run admin -- COMMAND`: a thin client of the admin API, so it works from any machine. Exit codes:
// 0 done, 1 failed, 2 wrong use.

const list = z.object({
  slug: z.string(),
  name: z.string(),
  description: z.string(),
  archived: z.boolean(),
  subscribers: z.number(),
});
type List = z.infer<typeof list>;

class Failure extends Error {}

function target(): { url: string; key: string } {
  if (existsSync('.env')) process.loadEnvFile();
  const { ADMIN_URL, BASE_URL, PORT, ADMIN_API_KEY } = process.env;
  if (!ADMIN_API_KEY) throw new Failure('ADMIN_API_KEY is not set: it must be the key that the server has');
  return { url: ADMIN_URL || BASE_URL || `http://localhost:${PORT || 3000}`, key: ADMIN_API_KEY };
}

/** Calls the admin API. @throws Failure with a line for the person at the terminal */
async function call<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
  const { url, key } = target();
  const answer = await fetch(`${url}/admin/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'application/json',
      'content-type': 'application/json',
    },
    redirect: 'error',
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Failure(`no Footnote answers at ${url}: start it, or set ADMIN_URL`);
  });
  const data: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const problem = z.object({ detail: z.string() }).safeParse(data);
    throw new Failure(problem.success ? problem.data.detail : `the server answers ${answer.status}`);
  }
  const read = shape.safeParse(data);
  if (!read.success) throw new Failure(`what answers at ${url} is not this version of Footnote`);
  return read.data;
}

function print(lists: List[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(lists)}\n`);
    return;
  }
  const width = Math.max(4, ...lists.map(({ slug }) => slug.length));
  for (const { slug, name, subscribers, archived } of lists) {
    process.stdout.write(
      `${slug.padEnd(width)}  ${String(subscribers).padStart(9)}  ${name}${archived ? '  (archived)' : ''}\n`,
    );
  }
}

const program = new Command('npm run admin --')
  .description('Scripts for editors and operators. They talk to a running Footnote.')
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });

const lists = program.command('lists').description('mailing lists');
const at = (slug: string) => `/lists/${encodeURIComponent(slug)}`;

lists
  .command('ls')
  .description('all mailing lists, with their subscribers')
  .option('--json', 'for machines')
  .action(async ({ json = false }: { json?: boolean }) => {
    print((await call(z.object({ lists: z.array(list) }), 'GET', '/lists')).lists, json);
  });

lists
  .command('create')
  .description('offer a new mailing list')
  .argument('<slug>', 'how forms name it; never changes')
  .requiredOption('--name <name>', 'how readers know it')
  .option('--description <text>', 'a line under the name')
  .option('--json', 'for machines')
  .addHelpText(
    'after',
    '\nExample:\n  npm run admin -- lists create morning-briefing --name "Morning Briefing"',
  )
  .action(
    async (
      slug: string,
      { json = false, ...wording }: { json?: boolean; name: string; description?: string },
    ) => {
      print([await call(list, 'POST', '/lists', { slug, ...wording })], json);
    },
  );

lists
  .command('edit')
  .description('word a mailing list anew; earlier wordings stay as proof')
  .argument('<slug>')
  .option('--name <name>')
  .option('--description <text>')
  .option('--json', 'for machines')
  .action(
    async (
      slug: string,
      { json = false, ...wording }: { json?: boolean; name?: string; description?: string },
    ) => {
      print([await call(list, 'PATCH', at(slug), wording)], json);
    },
  );

lists
  .command('archive')
  .description('take a mailing list off the forms; who is on it stays until they leave')
  .argument('<slug>')
  .option('--json', 'for machines')
  .action(async (slug: string, { json = false }: { json?: boolean }) => {
    print([await call(list, 'POST', `${at(slug)}/archive`)], json);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof Failure) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
