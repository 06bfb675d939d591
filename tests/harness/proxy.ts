import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

export interface Answer {
  status: number;
  body: string;
}

/**
 * A proxy before a Footnote, which passes on what scripts ask of it.
 * @param atBatch gives the answer to each batch of rows; null cuts the connection, as does a server that is gone
 */
export async function standBefore(
  server: string,
  atBatch: (from: number, pass: () => Promise<Answer | null>) => Promise<Answer | null>,
) {
  const proxy = createServer(async (req, res) => {
    const body = await text(req);
    const pass = async (): Promise<Answer | null> => {
      const { method = '', headers, url } = req;
      try {
        const answer = await fetch(`${server}${url}`, {
          method,
          headers: {
            authorization: headers.authorization ?? '',
            'content-type': headers['content-type'] ?? '',
          },
          ...(body !== '' && { body }),
        });
        return { status: answer.status, body: await answer.text() };
      } catch {
        return null;
      }
    };
    const isBatch = req.url?.endsWith('/rows') === true;
    const answer = await (isBatch ? atBatch(batchOf.parse(JSON.parse(body)).from, pass) : pass());
    if (answer === null) res.destroy();
    else res.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = addressOf.parse(proxy.address());
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, 'close');
    },
  };
}

const batchOf = z.object({ from: z.number() });
const addressOf = z.object({ port: z.number() });
