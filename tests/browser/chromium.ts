import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser of the run listens. */
    chromium: string;
  }
}

/** Nothing that asks the network of its own accord. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts one browser for the whole run; every test opens a context of its own in it. */
export default async function startChromium(project: TestProject): Promise<() => Promise<void>> {
  const executablePath = process.env['CHROMIUM'];
  if (executablePath === undefined)
    throw new Error('CHROMIUM is not set: start this with npm run test:browser');
  const server = await chromium.launchServer({ executablePath, args: flags, host: '127.0.0.1' });
  project.provide('chromium', server.wsEndpoint());
  return () => server.close();
}
