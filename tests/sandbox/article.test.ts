import type { Server } from 'node:http';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { listening } from '../../src/sandbox/listening.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

let service: Server;
let serviceUrl: string;
let offered: unknown;
let sandbox: Sandbox;

beforeEach(async () => {
  offered = {
    consent: { version: 'v1', text: 'You can leave at any time.\nWe use Mailchimp.', locale: 'en' },
    lists: [
      { slug: 'daily', name: 'Daily', description: 'Every morning.' },
      { slug: 'weekly', name: 'Tide & Time', description: 'On Sundays.' },
    ],
  };
  const app = express();
  app.get('/lists', (_request, response) => {
    response.json(offered);
  });
  service = app.listen(0, '127.0.0.1');
  serviceUrl = `http://127.0.0.1:${await listening(service, 'the service')}`;
  sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl, folder: null });
});

afterEach(async () => {
  await sandbox.stop();
  service.close();
});

const get = async (path: string) => (await fetch(`${sandbox.url}${path}`)).text();
const inputs = (html: string) => [...html.matchAll(/<input[^>]*>/g)].map(([input]) => input);

describe('the demo article', () => {
  it('carries a plain form with the lists of the service', async () => {
    const html = await get('/article');
    expect(html).toContain(`action="${serviceUrl}/subscriptions" method="post"`);
    expect(inputs(html).filter((input) => input.includes('name="lists"'))).toHaveLength(2);
    expect(html).toContain('<label for="list-weekly"><bdi>Tide &amp; Time</bdi></label>');
    expect(html).toContain('<legend>');
    expect(html).toMatch(/<label for="email">.*<input type="email"[^>]*autoComplete="email"/i);
    // Nothing is ticked beforehand.
    expect(html).not.toContain('checked');
  });

  it('has the widget directly behind the form, which takes its place', async () => {
    const html = await get('/article?lang=de-AT');
    expect(html).toContain(`</form><script defer="" src="${serviceUrl}/embed.js" data-locale="de"></script>`);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).toContain(languageOf('de').text('signUp.title'));
    expect(inputs(html)).toContain('<input type="hidden" name="locale" value="de"/>');
  });

  it('sends along what the person was told, where, and where to return', async () => {
    const html = await get('/article');
    expect(inputs(html)).toEqual(
      expect.arrayContaining([
        '<input type="hidden" name="consentVersion" value="v1"/>',
        `<input type="hidden" name="source" value="${sandbox.url}/article"/>`,
        `<input type="hidden" name="redirect" value="${sandbox.url}/article/thanks"/>`,
      ]),
    );
    expect(html).toContain('<p class="consent" lang="en">You can leave at any time.\nWe use Mailchimp.</p>');
    expect(await get('/article/thanks')).toContain('inbox');
  });

  it('asks the service anew for each visitor', async () => {
    offered = { ...Object(offered), lists: [] };
    expect(await get('/article')).not.toContain('name="lists"');
  });

  it.each([
    ['is away', () => service.close()],
    [
      'answers something else',
      () => {
        offered = { lists: 'none' };
      },
    ],
  ])('can be read when the service %s', async (_name, fail) => {
    fail();
    service.closeAllConnections();
    const html = await get('/article');
    expect(html).toContain('<h1>');
    expect(html).toContain('cannot be shown right now');
    expect(html).not.toContain('<form');
  });

  it('lets its form go to the service and come back, and nothing run but the widget', async () => {
    const policyOf = async (path: string) =>
      (await fetch(sandbox.url + path)).headers.get('content-security-policy');
    const policy = await policyOf('/article');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`form-action 'self' ${serviceUrl} ${sandbox.url}`);
    expect(policy).toContain(`script-src ${serviceUrl}; connect-src ${serviceUrl}`);
    expect(await policyOf('/inbox')).not.toContain('script-src');
  });
});
