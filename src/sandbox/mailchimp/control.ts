import express, { type ErrorRequestHandler, type Router } from 'express';
import { z } from 'zod';
import { act, perform } from './acts.ts';
import type { SandboxMailchimp } from './mailchimp.ts';
import { faultNamed, namedFault } from './namedFaults.ts';
import { Problem, problemBody } from './problem.ts';
import { batchMember, parse } from './requests.ts';

// The handles of the sandbox Mailchimp as a JSON API, for those who use it from another process.

const faultRequest = z.intersection(
  namedFault,
  z.object({
    /** How many requests meet it. */
    times: z.int().positive().default(1),
    method: z.string().toUpperCase().optional(),
    /** A part of the path, e.g. `/members/`. */
    path: z.string().default(''),
  }),
);
const membersRequest = z.strictObject({
  members: z.array(batchMember.required({ status: true })).min(1),
});
const overlookedRequest = z.strictObject({ emails: z.array(z.string()) });
const latencyRequest = z.strictObject({ ms: z.number().nonnegative() });
const deliveriesRequest = z.discriminatedUnion('does', [
  z.strictObject({ does: z.enum(['hold', 'hurry', 'idle']) }),
  z.strictObject({
    does: z.literal('release'),
    order: z.enum(['fired', 'reversed']).default('fired'),
    times: z.int().positive().default(1),
  }),
]);

/** To be mounted at `/control`. Every POST answers 204 unless said otherwise, a wrong one 400. */
export function controlApi(mailchimp: SandboxMailchimp): Router {
  const { people, deliveries } = mailchimp;
  const router = express.Router();
  router.use(express.json({ limit: '100mb' }));

  // The next requests that match meet a fault.
  router.post('/faults', (request, response) => {
    const { times, method, path, ...named } = parse(faultRequest, request.body);
    mailchimp.inject(faultNamed(named), {
      times,
      matching: (met) => (method === undefined || met.method === method) && met.path.includes(path),
    });
    response.status(204).end();
  });
  router.delete('/faults', (_request, response) => {
    mailchimp.clearFaults();
    response.status(204).end();
  });

  // Somebody does something at Mailchimp.
  router.post('/people', (request, response) => {
    perform(people, parse(act, request.body));
    response.status(204).end();
  });

  // Tens of thousands of members at once, as if they had always been there; answers who was refused.
  router.post('/members', (request, response) => {
    response.json(mailchimp.seed(parse(membersRequest, request.body).members));
  });
  router.post('/overlooked', (request, response) => {
    mailchimp.overlook(parse(overlookedRequest, request.body).emails);
    response.status(204).end();
  });

  router.post('/latency', (request, response) => {
    mailchimp.setLatency(parse(latencyRequest, request.body).ms);
    response.status(204).end();
  });

  // `idle` is answered when no call of a webhook is under way.
  router.post('/deliveries', async (request, response) => {
    const wish = parse(deliveriesRequest, request.body);
    if (wish.does === 'release') deliveries.release(wish);
    else await deliveries[wish.does]();
    response.status(204).end();
  });

  router.get('/stats', (_request, response) => {
    response.json({ ...mailchimp.traffic(), deliveries: deliveries.counts() });
  });
  router.delete('/stats', (_request, response) => {
    mailchimp.resetTraffic();
    response.status(204).end();
  });

  router.use(refused);
  return router;
}

const refused: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (!(error instanceof Problem)) return next(error);
  response
    .status(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(error, '')));
};
