import { once } from 'node:events';
import type { Server } from 'node:net';

/** Waits until a server listens and returns its port; throws one clear line if it cannot. */
export async function listening(server: Server, name: string): Promise<number> {
  try {
    if (!server.listening) await once(server, 'listening');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'port' in error)) throw error;
    const reason = error.code === 'EADDRINUSE' ? 'it is in use' : String(error.code);
    throw new Error(`Port ${error.port} cannot be taken for ${name}: ${reason}.`);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`${name} listens on no port.`);
  return address.port;
}
