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

-- I5 for large sets: what looked at each entry by itself looks at all of a statement at once, and refuses the same.
DROP TRIGGER chained ON consent_events;
DROP FUNCTION link_event();

-- A session keeps its plans, and one that was made while the tables were small would read all of them later: so the
-- indexes are asked.
CREATE FUNCTION link_events() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  people integer;
  linked integer;
  broken integer;
BEGIN
  WITH entry AS (
    SELECT subscriber_id, seq, hash, previous_hash,
           lag(seq) OVER chain AS seq_before, lag(hash) OVER chain AS hash_before
      FROM added
    WINDOW chain AS (PARTITION BY subscriber_id ORDER BY seq)
  ), piece AS (
    SELECT subscriber_id, min(seq) AS first_seq, max(seq) AS last_seq,
           min(previous_hash) FILTER (WHERE seq_before IS NULL) AS first_previous,
           (array_agg(hash ORDER BY seq DESC))[1] AS last_hash,
           bool_and(seq_before IS NULL OR (seq, previous_hash) = (seq_before + 1, hash_before)) AS is_whole
      FROM entry
     GROUP BY subscriber_id
  ), moved AS (
    UPDATE subscribers person SET ledger_seq = piece.last_seq, ledger_hash = piece.last_hash
      FROM piece
     WHERE person.id = piece.subscriber_id AND piece.is_whole
       AND person.ledger_seq = piece.first_seq - 1 AND person.ledger_hash = piece.first_previous
    RETURNING person.id
  )
  SELECT (SELECT count(*) FROM piece), (SELECT count(*) FROM moved),
         (SELECT min(last_seq) FROM piece WHERE subscriber_id NOT IN (SELECT id FROM moved))
    INTO people, linked, broken;
  IF linked < people THEN
    RAISE EXCEPTION 'consent event % does not continue its ledger (I5)', broken
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  -- C-12: a confirmation covers the lists of its own request and no others.
  SELECT min(added.seq) INTO broken FROM added
   WHERE added.request_seq IS NOT NULL AND NOT EXISTS (
     SELECT FROM consent_events request
      WHERE request.subscriber_id = added.subscriber_id AND request.seq = added.request_seq
        AND request.kind = 'requested' AND request.list_wordings @> added.list_wordings);
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'consent event % answers no request for these lists (C-12)', broken
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER chained AFTER INSERT ON consent_events
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION link_events();

-- Asked only where there may be something to refuse. (At the depth of `link_events` the head may move.)
DROP TRIGGER guarded ON subscribers;
CREATE TRIGGER guarded BEFORE UPDATE ON subscribers
  FOR EACH ROW WHEN (pg_trigger_depth() = 0 OR NEW.link_key <> OLD.link_key
                     OR NEW.ledger_salt IS DISTINCT FROM OLD.ledger_salt)
  EXECUTE FUNCTION guard_subscriber();
DROP TRIGGER erased ON subscribers;
CREATE TRIGGER erased BEFORE UPDATE ON subscribers
  FOR EACH ROW WHEN (OLD.ledger_salt IS NULL) EXECUTE FUNCTION guard_erased();
DROP TRIGGER begins_empty ON subscribers;
CREATE TRIGGER begins_empty BEFORE INSERT ON subscribers
  FOR EACH ROW WHEN ((NEW.ledger_seq, NEW.ledger_hash) IS DISTINCT FROM (0, ''))
  EXECUTE FUNCTION guard_new_subscriber();

-- Every newcomer's row is written twice, as the head of their ledger moves: room for both on one page spares the
-- indexes the second time.
ALTER TABLE subscribers SET (fillfactor = 50);

-- I1, I2 with imports: an import subscribes whoever never opted out here, by an entry of its own that says where
-- consent comes from; it brings opt-outs of people who are new here; and what it did can be taken back, which is
-- no opt-out, so that the right file may follow, or the confirmation of what the person had asked for by themselves.
-- Everybody else is subscribed by a newer confirmation alone, as before.
CREATE FUNCTION guard_new_subscriptions() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  refused record;
BEGIN
  SELECT added.state, entry.channel IS NOT NULL AS is_imported INTO refused
    FROM added
    LEFT JOIN LATERAL (
      SELECT event.kind, event.channel
        FROM consent_events event
        JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
        JOIN mailing_lists list ON list.slug = wording.slug
       WHERE event.subscriber_id = added.subscriber_id AND list.id = added.list_id AND event.channel = 'import'
         AND event.seq = CASE added.state WHEN 'subscribed' THEN added.consent_seq ELSE added.ended_seq END
       LIMIT 1) entry ON true
   WHERE added.state <> 'pending'
     AND NOT coalesce(CASE added.state WHEN 'subscribed' THEN entry.kind = 'imported' AND added.ended_seq IS NULL
                                       ELSE entry.kind = 'unsubscribed' END, false)
   LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  ELSIF NOT refused.is_imported THEN
    RAISE EXCEPTION 'a subscription cannot go from nothing to % (I2)', refused.state
      USING ERRCODE = 'integrity_constraint_violation';
  ELSIF refused.state = 'subscribed' THEN
    RAISE EXCEPTION 'nobody is subscribed without a newer confirmed consent (I1, I2)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RAISE EXCEPTION 'an opt-out needs its entry in the ledger (I3)' USING ERRCODE = 'integrity_constraint_violation';
END $$;

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
            OR (entry.kind = 'import_undone' AND OLD.state = 'subscribed' AND EXISTS (
              SELECT FROM consent_events consent
               WHERE consent.subscriber_id = NEW.subscriber_id AND consent.seq = OLD.consent_seq
                 AND consent.kind = 'imported'))), false) THEN
    RAISE EXCEPTION 'an opt-out needs its entry in the ledger (I3)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER guarded ON subscriptions;
CREATE TRIGGER guarded AFTER UPDATE ON subscriptions
  FOR EACH ROW EXECUTE FUNCTION guard_subscription();
CREATE TRIGGER guarded_at_first AFTER INSERT ON subscriptions
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION guard_new_subscriptions();

-- Addresses are looked up by their beginning, which an index serves in this order alone. They are ASCII.
ALTER TABLE subscribers ALTER COLUMN key TYPE TEXT COLLATE "C";
