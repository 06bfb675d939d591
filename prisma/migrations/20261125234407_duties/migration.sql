-- AlterEnum
ALTER TYPE "consent_channel" ADD VALUE 'retention';

-- AlterEnum
ALTER TYPE "consent_event_kind" ADD VALUE 'expired';

-- CreateTable
CREATE TABLE "duty_runs" (
    "duty" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "began_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "succeeded_at" TIMESTAMPTZ(3),
    "outcome" TEXT,
    "failure" TEXT,
    "cursor" JSONB,
    "report" JSONB,

    CONSTRAINT "duty_runs_pkey" PRIMARY KEY ("duty")
);

-- CreateIndex
CREATE INDEX "audit_entries_at_idx" ON "audit_entries"("at");

-- From here on by hand: what Prisma's schema cannot say. (New values of an enum as text, since they cannot be
-- used in the transaction that adds them.)

-- C-17: time alone ends a request, and it ends nothing else: who was subscribed leaves by an opt-out.
ALTER TABLE consent_events
  ADD CONSTRAINT consent_events_expiry CHECK ((kind::text = 'expired') <= (channel::text = 'retention'));

CREATE OR REPLACE FUNCTION guard_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ended integer := coalesce(OLD.ended_seq, 0);
  -- The entry that is to justify the new state, if it is about this list.
  entry consent_events;
  is_raised boolean := NEW.state = 'subscribed'
    AND (OLD.state <> 'subscribed' OR NEW.consent_seq IS DISTINCT FROM OLD.consent_seq);
  is_ended boolean := NEW.state = 'unsubscribed'
    AND (OLD.state <> 'unsubscribed' OR NEW.ended_seq IS DISTINCT FROM OLD.ended_seq);
  -- Nothing but an import taken back ended it: then it was never opted out of.
  is_undone boolean := false;
BEGIN
  IF (NEW.subscriber_id, NEW.list_id) IS DISTINCT FROM (OLD.subscriber_id, OLD.list_id)
     OR coalesce(NEW.ended_seq, 0) < ended
     OR (NEW.state <> 'unsubscribed' AND NEW.ended_seq IS DISTINCT FROM OLD.ended_seq) THEN
    RAISE EXCEPTION 'an opt-out is never forgotten (I2)' USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF is_raised OR is_ended THEN
    SELECT event.* INTO entry
      FROM consent_events event
      JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
      JOIN mailing_lists list ON list.slug = wording.slug
     WHERE event.subscriber_id = NEW.subscriber_id AND list.id = NEW.list_id
       AND event.seq = CASE WHEN is_raised THEN NEW.consent_seq ELSE NEW.ended_seq END
     LIMIT 1;
  END IF;
  IF is_raised AND ended > 0 THEN
    is_undone := EXISTS (
      SELECT FROM consent_events ending
       WHERE ending.subscriber_id = NEW.subscriber_id AND ending.seq = ended AND ending.kind = 'import_undone');
  END IF;

  IF NEW.state <> OLD.state
     AND (OLD.state::text, NEW.state::text) NOT IN (
       ('pending', 'subscribed'), ('pending', 'unsubscribed'),
       ('subscribed', 'unsubscribed'), ('unsubscribed', 'pending'))
     AND NOT is_undone THEN
    RAISE EXCEPTION 'a subscription cannot go from % to % (I2)', OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF is_raised AND NOT coalesce(
       (entry.kind = 'confirmed' AND (is_undone OR entry.request_seq > ended))
       OR (entry.kind = 'imported' AND entry.seq > ended AND (is_undone OR ended = 0)), false) THEN
    RAISE EXCEPTION 'nobody is subscribed without a newer confirmed consent (I1, I2)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF is_ended AND NOT coalesce(
       entry.seq > ended
       AND (entry.kind = 'unsubscribed'
            OR (entry.kind = 'expired' AND OLD.state = 'pending')
            OR (entry.kind = 'import_undone' AND OLD.state = 'subscribed' AND EXISTS (
              SELECT FROM consent_events consent
               WHERE consent.subscriber_id = NEW.subscriber_id AND consent.seq = OLD.consent_seq
                 AND consent.kind = 'imported'))), false) THEN
    RAISE EXCEPTION 'an opt-out needs its entry in the ledger (I3)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
