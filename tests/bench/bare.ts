import express from 'express';

// What the sign-ups are measured beside: the same body read by the same framework, and nothing done.
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.post('/subscriptions', express.json({ limit: '8kb' }), (_req, res) => {
  res.status(202).json({ status: 'accepted' });
});
app.listen(Number(process.env['PORT']), '127.0.0.1', () => process.stdout.write('Footnote is ready\n'));
