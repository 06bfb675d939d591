import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { adminProgram } from '../src/admin/cli/program.ts';

const program = adminProgram();

/** What some text says may be typed, such as `npm run admin -- lists ls`. */
const commandsIn = (text: string) => [
  ...new Set([...text.matchAll(/npm run(?: --silent)? ([\w:]+)([^`\n|>;&]*)/g)].map((found) => found[0])),
];

/** The first word or option of a command of ours that does not exist; null when all do. */
function unknownIn(line: string): string | null {
  const [, script = '', rest = ''] = /npm run(?: --silent)? ([\w:]+)(.*)/.exec(line) ?? [];
  if (!Object.hasOwn(manifest.scripts, script)) return script;
  if (script !== 'admin') return null;
  const words = rest
    .replace(/^ -- ?/, '')
    .split(/\s+/)
    .filter(Boolean);
  let command: Command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
    else if (command.commands.length > 0 && /^[a-z]/.test(word)) return word;
    else if (word.startsWith('--') && word !== '--help') {
      const known = command.options.some(({ long }) => long === word);
      if (!known) return word;
    }
  }
  return null;
}

describe.each(['docs/operations.md', 'README.md'])('what %s says', (file) => {
  it('can be typed: every command of ours exists, with its options', async () => {
    const commands = commandsIn(await readFile(file, 'utf8'));
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.map((line) => [line, unknownIn(line)]).filter(([, unknown]) => unknown)).toEqual([]);
  });

  it('can be set: every setting exists', async () => {
    const text = await readFile(file, 'utf8');
    const settings = [...(await readFile('.env.example', 'utf8')).matchAll(/^([A-Z][A-Z_]+)=/gm)].map(
      ([, name]) => name,
    );
    const others = ['ADMIN_URL', 'POSTGRES_PASSWORD', 'PGPASSWORD', 'UNSUBURL', 'PREFURL', 'LIMIT_'];
    const named = [...text.matchAll(/`([A-Z][A-Z_]{3,})(?:=[^`]*)?`/g)].map(([, name = '']) => name);
    const words = ['POST', 'INSERT', 'VACUUM', 'ANALYZE', 'LISTEN', 'NAME', 'EMAIL', 'COPY', 'ROWS'];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => ![...settings, ...others, ...words].includes(name))).toEqual([]);
  });

  it('can be followed: what it links to is there', async () => {
    const text = await readFile(file, 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
    for (const [link, target = '', anchor] of links) {
      const to = target === '' ? file : path.join(path.dirname(file), target);
      expect(existsSync(to), link).toBe(true);
      if (anchor !== undefined) expect(anchorsIn(await readFile(to, 'utf8')), link).toContain(anchor);
    }
  });
});

/** As GitHub makes them of headings, and those that stand there as such. */
const anchorsIn = (markdown: string) => [
  ...[...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  ),
  ...[...markdown.matchAll(/<a id="([^"]*)">/g)].map(([, id = '']) => id),
];

describe('the guide of operators', () => {
  it('tells of every finding of the doctor', async () => {
    const sources = (await readdir('src', { recursive: true })).filter((file) => /\bdoctor\.ts$/.test(file));
    const code = (await Promise.all(sources.map((file) => readFile(`src/${file}`, 'utf8')))).join('\n');
    const checks = [...code.matchAll(/examine\('([^']+)'/g)].map(([, check = '']) => check);
    expect(checks).toContain('Mailchimp key');
    const guide = await readFile('docs/operations.md', 'utf8');
    expect(checks.filter((check) => !new RegExp(`^\\| ${check} +\\|`, 'm').test(guide))).toEqual([]);
  });

  it('says what to do for each alert, where its link leads', async () => {
    const alerts = await readFile('ops/prometheus/alerts.yml', 'utf8');
    const guide = await readFile('docs/operations.md', 'utf8');
    const anchors = [...alerts.matchAll(/runbook: docs\/operations\.md#(\S+)/g)].map(
      ([, anchor = '']) => anchor,
    );
    expect(anchors.length).toBeGreaterThan(10);
    const unsaid = anchors.filter(
      (anchor) => !new RegExp(`<a id="${anchor}"></a>\\n(?:<a .+\\n)*\\n### .+\\n\\n\\w`).test(guide),
    );
    expect(unsaid).toEqual([]);
  });

  it('names the services of compose.yaml where it tells of containers', async () => {
    const compose = await readFile('compose.yaml', 'utf8');
    const [, services = ''] = /^services:\n((?:(?: .*|#.*)?\n)+)/m.exec(compose) ?? [];
    const there = [...services.matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
    const guide = await readFile('docs/operations.md', 'utf8');
    const named = [...guide.matchAll(/docker compose (?:exec|run|stop|logs)((?: -\S+)*) (\w+)/g)];
    expect(named.length).toBeGreaterThan(5);
    expect(named.map(([line, , service]) => [line, there.includes(service)])).toEqual(
      named.map(([line]) => [line, true]),
    );
  });

  it('starts it by systemd and in a container as npm start does, in little memory', async () => {
    const [node, ...words] = manifest.scripts.start.split(' ');
    const command = [node, '--max-semi-space-size=4', '--max-old-space-size=384', ...words];
    expect(await readFile('ops/footnote.service', 'utf8')).toContain(
      `/node_modules/.bin/${command.join(' ')}\n`,
    );
    expect(await readFile('Dockerfile', 'utf8')).toContain(
      `CMD ${JSON.stringify(command).replaceAll(',', ', ')}`,
    );
  });
});
