import { inject } from 'vitest';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { freePort } from './ports.ts';
import { environment } from './process.ts';
import { copyTemplate } from './template.ts';

export type Prepared = Awaited<ReturnType<typeof prepareProcesses>>;

/** A database with the demo lists, a sandbox, and the environment of processes that use both. */
export async function prepareProcesses() {
  const { settings, drop } = await copyTemplate(inject('template'), inject('server'));
  const database = await openDatabase(settings, createLog('silent'));
  await offerDemoLists(database);
  await database.close();
  const port = await freePort();
  const serviceUrl = `http://localhost:${port}`;
  const sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl, folder: null });
  return {
    settings,
    sandbox,
    env: environment(settings, sandbox, port),
    close: async () => {
      await sandbox.stop();
      await drop();
    },
  };
}
