import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

// `npm start` on a bare clone, tried as a newcomer would: sign up, read the mail in the sandbox inbox,
// confirm, see the member in the sandbox Mailchimp, one click out, see Mailchimp follow; then once more
// with what the first start left.

const port = 20_000 + Math.floor(Math.random() * 20_000);
const service = `http://localhost:${port}`;
const sandbox = `http://localhost:${port + 1}`;
const folder = await mkdtemp(path.join(tmpdir(), 'footnote-smoke-'));

async function start() {
  const began = Date.now();
  const child = spawn('npm', ['start'], {
    env: { ...process.env, PORT: String(port), DATA_DIR: folder, NODE_ENV: 'development' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const printed: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed.push(line);
      if (line.includes('Hosted form')) resolve();
    });
    child.once('close', (code) => reject(new Error(`npm start ended with ${code}`)));
  });
  process.stdout.write(`ready after ${Date.now() - began} ms\n`);
  for (const place of ['/article', '/inbox', '/mailchimp']) {
    assert.ok(
      printed.some((line) => line.includes(`${sandbox}${place}`)),
      `npm start does not say where ${place} is`,
    );
  }
  return {
    stop: async () => {
      const closed = once(child, 'close');
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      await closed;
    },
  };
}

async function page(url: string, options: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, options);
  assert.ok(answer.ok, `${url} answers ${answer.status}`);
  return answer.text();
}

/** Loads a page anew until it shows something; its makers say how soon that is. */
async function pageThatShows(url: string, sign: RegExp): Promise<RegExpExecArray> {
  for (let look = 0; look < 100; look++) {
    const found = sign.exec(await page(url));
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} never shows ${sign}`);
}

try {
  let running = await start();
  const article = await page(`${sandbox}/article`);
  assert.match(article, /You can unsubscribe at any time by clicking the link in the footer of our emails/);

  const form = new URLSearchParams({ email: 'newcomer@reader.example', source: `${sandbox}/article` });
  form.append('lists', 'morning-briefing');
  form.append('lists', 'weekend-reads');
  await page(`${service}/subscriptions`, { method: 'POST', body: form });

  const [, mail = ''] = await pageThatShows(
    `${sandbox}/inbox`,
    /href="(\/inbox\/[^"]+)"[\s\S]*newcomer@reader\.example/,
  );
  const text = await page(`${sandbox}${mail}`);
  const confirm = /\/confirm\/[0-9a-f]+/.exec(text)?.[0];
  const unsubscribe = /\/unsubscribe\/[0-9a-f]+/.exec(text)?.[0];
  await page(`${service}${confirm}`);
  await page(`${service}${confirm}`, { method: 'POST' });
  await pageThatShows(`${sandbox}/mailchimp`, /newcomer@reader\.example[\s\S]*?>subscribed</);

  await running.stop();
  running = await start();
  await page(`${service}${unsubscribe}`, {
    method: 'POST',
    body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
    redirect: 'error',
  });
  await pageThatShows(`${sandbox}/mailchimp`, /newcomer@reader\.example[\s\S]*?>unsubscribed</);
  await running.stop();
  process.stdout.write('npm start: the whole way works\n');
} finally {
  await rm(folder, { recursive: true, force: true });
}
