import express, { type RequestHandler, Router } from 'express';
import { isSame } from '../access/keys.ts';
import { readDelivery, takeDelivery, verifySignature } from '../mailchimp/webhook.ts';
import { notFound, onlyVerbs, Problem } from './problems.ts';
import type { Web } from './web.ts';
import { countWrong } from './wrong-links.ts';

/**
 * `/webhooks/mailchimp/:secret`: `GET` answers Mailchimp's question whether we are there, `POST` takes a
 * delivery and leaves the work to the lane. It answers 200 to whatever repeating would not mend, and an
 * error only where Mailchimp shall send it again, as it does for 75 minutes; never 410, which would end the
 * webhook. Without the right secret there is nothing here.
 */
export function webhookRoutes({ database, webhook, guard, metrics, log }: Web): Router {
  const router = Router();

  const demandSecret: RequestHandler<{ secret: string }> = async (req, res, next) => {
    if (webhook.secret !== null && isSame(req.params.secret, webhook.secret)) return next();
    await countWrong(guard, req, res);
    notFound(req, res, next);
  };

  const isSigned = (body: Buffer, header: string | undefined, now: Date) =>
    webhook.signingSecret === null || verifySignature(body, header, webhook.signingSecret, now);

  router
    .route('/webhooks/mailchimp/:secret')
    .all(demandSecret)
    .get((_req, res) => {
      res.type('text').send('Here Footnote hears from Mailchimp.');
    })
    // A delivery carries all merge fields and groups of a member, so it may be larger than a form.
    .post(express.raw({ type: () => true, limit: '256kb', inflate: false }), async (req, res) => {
      const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
      // Mailchimp's clock is compared with the real one.
      const now = new Date();
      if (body.length > 0 && !isSigned(body, req.get('x-mailchimp-signature'), now)) {
        metrics.recordDelivery('unknown', 'refused');
        log.warn('a webhook delivery came without a valid signature');
        throw new Problem(401, 'Unauthorized', 'The signature is missing, wrong or too old.');
      }
      const delivery = readDelivery(body.toString());
      if (delivery !== null) {
        const { audienceId, onHint } = webhook;
        const outcome = await takeDelivery(database, delivery, { audienceId, receivedAt: now });
        const { type } = delivery;
        metrics.recordDelivery(type, outcome);
        log.info({ type, outcome }, 'a webhook delivery came');
        if (outcome === 'taken') onHint();
      }
      res.sendStatus(200);
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
