import { createServer } from 'node:http';
import pg from 'pg';
import { inject } from 'vitest';
import { listening } from '../../src/sandbox/listening.ts';

/** A website with faults, which shows that a tool finds such. */
export interface Leaky {
  origin: string;
  close(): Promise<void>;
}

/**
 * Starts it: `/?q=` puts what it is sent into a statement and onto the page, and tells what the database says
 * to that; `/go?to=` sends browsers wherever it is told to.
 */
export async function openLeaky(): Promise<Leaky> {
  const url = inject('server');
  if (url === null) throw new Error('start this with npm run test:security, which brings a PostgreSQL');
  const pool = new pg.Pool({ connectionString: url });
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://leaky');
    if (pathname === '/go') {
      response.writeHead(302, { Location: searchParams.get('to') ?? '/' }).end();
      return;
    }
    const asked = searchParams.get('q') ?? '';
    const found = await pool.query(`SELECT relname FROM pg_class WHERE relname = '${asked}'`).then(
      ({ rows }) => JSON.stringify(rows),
      (error) => `PostgreSQL query failed: ${error}`,
    );
    response
      .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
      .end(
        `<html><body><p>${asked}: ${found}</p><a href="/?q=pg_class">A</a><a href="/go?to=/">B</a></body></html>`,
      );
  });
  const port = await listening(server.listen(0, '127.0.0.1'), 'the website with faults');
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pool.end();
    },
  };
}
