import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ReceivedCall {
  headers: IncomingHttpHeaders;
  body: string;
  form: Record<string, string>;
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** A service that webhooks call: keeps what comes, and answers 200 or the statuses set for the next calls. */
export async function startReceiver() {
  const calls: ReceivedCall[] = [];
  const statuses: number[] = [];
  const validators: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    if (request.method === 'GET') {
      validators.push(request.headers['user-agent']);
      response.writeHead(request.url?.startsWith('/hook') ? 200 : 404).end();
      return;
    }
    calls.push({ headers: request.headers, body, form: Object.fromEntries(new URLSearchParams(body)) });
    response.writeHead(statuses.shift() ?? 200, { Location: '/hook/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return {
    origin,
    calls,
    /** The user agents of the GETs. */
    validators,
    /** What the next calls are answered. */
    answer: (...next: number[]) => statuses.push(...next),
    /** The types of the calls in the order of their arrival, and forgets them. */
    types: () => calls.splice(0).map(({ form }) => form['type']),
    close: () => server.close(),
  };
}
