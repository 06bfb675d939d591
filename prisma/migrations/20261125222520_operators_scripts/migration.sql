-- CreateEnum
CREATE TYPE "admin_scope" AS ENUM ('read', 'write', 'erase');

-- AlterEnum
ALTER TYPE "consent_channel" ADD VALUE 'import';
ALTER TYPE "consent_channel" ADD VALUE 'admin';

-- AlterEnum
ALTER TYPE "consent_event_kind" ADD VALUE 'imported';
ALTER TYPE "consent_event_kind" ADD VALUE 'import_undone';

-- AlterTable
ALTER TABLE "consent_evidence" ADD COLUMN     "given_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "admin_keys" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "scopes" "admin_scope"[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "admin_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entries" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "target" JSONB NOT NULL,
    "status" INTEGER,

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotent_answers" (
    "digest" TEXT NOT NULL,
    "request" TEXT NOT NULL,
    "status" INTEGER,
    "body" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotent_answers_pkey" PRIMARY KEY ("digest")
);

-- CreateTable
CREATE TABLE "imports" (
    "id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "file" TEXT NOT NULL,
    "list_ids" INTEGER[],
    "wording_version" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "rows" INTEGER NOT NULL DEFAULT 0,
    "counts" JSONB NOT NULL DEFAULT '{}',
    "finished_at" TIMESTAMPTZ(3),
    "undone_at" TIMESTAMPTZ(3),

    CONSTRAINT "imports_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "imported_rows" (
    "import_id" UUID NOT NULL,
    "row" INTEGER NOT NULL,
    "subscriber_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,

    CONSTRAINT "imported_rows_pkey" PRIMARY KEY ("import_id","row")
);

-- CreateIndex
CREATE UNIQUE INDEX "admin_keys_name_key" ON "admin_keys"("name");

-- CreateIndex
CREATE UNIQUE INDEX "admin_keys_digest_key" ON "admin_keys"("digest");

-- CreateIndex
CREATE INDEX "idempotent_answers_created_at_idx" ON "idempotent_answers"("created_at");

-- CreateIndex
CREATE INDEX "imports_digest_idx" ON "imports"("digest");

-- CreateIndex
CREATE INDEX "imported_rows_subscriber_id_idx" ON "imported_rows"("subscriber_id");

-- AddForeignKey
ALTER TABLE "imports" ADD CONSTRAINT "imports_wording_version_fkey" FOREIGN KEY ("wording_version") REFERENCES "consent_wordings"("version") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "imported_rows" ADD CONSTRAINT "imported_rows_import_id_fkey" FOREIGN KEY ("import_id") REFERENCES "imports"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "imported_rows" ADD CONSTRAINT "imported_rows_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand: what Prisma's schema cannot say. (New values of an enum as text, since they cannot be
-- used in the transaction that adds them.)

ALTER TABLE consent_events
  DROP CONSTRAINT consent_events_wording,
  ADD CONSTRAINT consent_events_wording
    CHECK ((kind::text IN ('requested', 'imported')) = (wording_version IS NOT NULL)),
  ADD CONSTRAINT consent_events_import CHECK ((kind::text IN ('imported', 'import_undone')) <= (channel::text = 'import'));

ALTER TABLE admin_keys
  ADD CONSTRAINT admin_keys_scopes CHECK (coalesce(cardinality(scopes), 0) > 0);

-- An entry says once how it ended, and nothing else of it changes.
CREATE FUNCTION guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IS NOT NULL
     OR (NEW.id, NEW.at, NEW.key, NEW.operation, NEW.target)
        IS DISTINCT FROM (OLD.id, OLD.at, OLD.key, OLD.operation, OLD.target) THEN
    RAISE EXCEPTION 'an audit entry is never altered' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarded BEFORE UPDATE ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION guard_audit();

-- I1, I2 with imports: an import subscribes whoever never opted out here, by an entry of its own that says where
-- consent comes from; it brings opt-outs of people who are new here; and what it did can be taken back, which is
-- no opt-out, so that the right file may follow. Everybody else is subscribed by a confirmation alone, as before.
CREATE OR REPLACE FUNCTION guard_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was subscription_state;
  ended integer := 0;
  -- The entry that is to justify the new state, if it is about this list.
  entry consent_events;
  is_raised boolean;
  is_ended boolean;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    was := OLD.state;
    ended := coalesce(OLD.ended_seq, 0);
    IF (NEW.subscriber_id, NEW.list_id) IS DISTINCT FROM (OLD.subscriber_id, OLD.list_id)
       OR coalesce(NEW.ended_seq, 0) < ended THEN
      RAISE EXCEPTION 'an opt-out is never forgotten (I2)' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END IF;
  is_raised := NEW.state = 'subscribed'
    AND (was IS DISTINCT FROM 'subscribed'
         OR (NEW.consent_seq, NEW.ended_seq) IS DISTINCT FROM (OLD.consent_seq, OLD.ended_seq));
  is_ended := NEW.state = 'unsubscribed' AND was IS DISTINCT FROM 'unsubscribed';

  IF is_raised OR is_ended THEN
    SELECT event.* INTO entry
      FROM consent_events event
      JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
      JOIN mailing_lists list ON list.slug = wording.slug
     WHERE event.subscriber_id = NEW.subscriber_id AND list.id = NEW.list_id
       AND event.seq = CASE WHEN is_raised THEN NEW.consent_seq ELSE NEW.ended_seq END
     LIMIT 1;
  END IF;

  IF NEW.state IS DISTINCT FROM was
     AND (coalesce(was::text, 'nothing'), NEW.state::text) NOT IN (
       ('nothing', 'pending'), ('pending', 'subscribed'), ('pending', 'unsubscribed'),
       ('subscribed', 'unsubscribed'), ('unsubscribed', 'pending'))
     AND (NEW.state = 'pending' OR entry.channel IS DISTINCT FROM 'import') THEN
    RAISE EXCEPTION 'a subscription cannot go from % to % (I2)', coalesce(was::text, 'nothing'), NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF is_raised AND NOT coalesce(
       (entry.kind = 'confirmed' AND entry.request_seq > coalesce(NEW.ended_seq, 0))
       OR (entry.kind = 'imported' AND entry.seq > coalesce(NEW.ended_seq, 0)
           AND (NEW.ended_seq IS NULL OR EXISTS (
             SELECT FROM consent_events ending
              WHERE ending.subscriber_id = NEW.subscriber_id AND ending.seq = NEW.ended_seq
                AND ending.kind = 'import_undone'))), false) THEN
    RAISE EXCEPTION 'nobody is subscribed without a newer confirmed consent (I1, I2)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF is_ended AND NOT coalesce(
       entry.seq > ended
       AND (entry.kind = 'unsubscribed'
            OR (entry.kind = 'import_undone' AND was = 'subscribed' AND EXISTS (
              SELECT FROM consent_events consent
               WHERE consent.subscriber_id = NEW.subscriber_id AND consent.seq = OLD.consent_seq
                 AND consent.kind = 'imported'))), false) THEN
    RAISE EXCEPTION 'an opt-out needs its entry in the ledger (I3)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- Addresses are looked up by their beginning, which an index serves in this order alone. They are ASCII.
ALTER TABLE subscribers ALTER COLUMN key TYPE TEXT COLLATE "C";
