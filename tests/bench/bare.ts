import express from 'express';
import pg from 'pg';

// What the sign-ups are measured beside: the same body read by the same framework, and nothing done; with
// DATABASE_URL, one row inserted and committed for each.
const url = process.env['DATABASE_URL'];
const pool = url === undefined ? null : new pg.Pool({ connectionString: url, max: 20 });
await pool?.query('CREATE TABLE plain (email text PRIMARY KEY, lists jsonb NOT NULL)');

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.post('/subscriptions', express.json({ limit: '8kb' }), async (req, res) => {
  await pool?.query('INSERT INTO plain (email, lists) VALUES ($1, $2)', [
    req.body.email,
    JSON.stringify(req.body.lists),
  ]);
  res.status(202).json({ status: 'accepted' });
});
app.listen(Number(process.env['PORT']), '127.0.0.1', () => process.stdout.write('Footnote is ready\n'));
