-- CreateEnum
CREATE TYPE "subscription_state" AS ENUM ('pending', 'subscribed', 'unsubscribed');

-- CreateEnum
CREATE TYPE "consent_event_kind" AS ENUM ('requested', 'mailed', 'confirmed', 'unsubscribed');

-- CreateEnum
CREATE TYPE "consent_channel" AS ENUM ('form', 'api', 'mail', 'confirm_page', 'one_click', 'unsubscribe_page', 'preferences_page');

-- CreateEnum
CREATE TYPE "mail_kind" AS ENUM ('confirmation');

-- CreateTable
CREATE TABLE "mailing_lists" (
    "id" SERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "wording_version" TEXT NOT NULL,
    "position" INTEGER NOT NULL DEFAULT 0,
    "archived_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "mailing_lists_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mailing_list_wordings" (
    "version" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "mailing_list_wordings_pkey" PRIMARY KEY ("version")
);

-- CreateTable
CREATE TABLE "consent_wordings" (
    "version" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "consent_wordings_pkey" PRIMARY KEY ("version")
);

-- CreateTable
CREATE TABLE "consent_offers" (
    "locale" TEXT NOT NULL,
    "version" TEXT NOT NULL,

    CONSTRAINT "consent_offers_pkey" PRIMARY KEY ("locale")
);

-- CreateTable
CREATE TABLE "subscribers" (
    "id" UUID NOT NULL,
    "typed" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "abuse_key" TEXT NOT NULL,
    "link_key" TEXT NOT NULL,
    "first_name" TEXT,
    "locale" TEXT NOT NULL,
    "ledger_salt" TEXT,
    "ledger_seq" INTEGER NOT NULL DEFAULT 0,
    "ledger_hash" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "subscribers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subscriptions" (
    "subscriber_id" UUID NOT NULL,
    "list_id" INTEGER NOT NULL,
    "state" "subscription_state" NOT NULL,
    "consent_seq" INTEGER,
    "ended_seq" INTEGER,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("subscriber_id","list_id")
);

-- CreateTable
CREATE TABLE "sign_up_requests" (
    "id" UUID NOT NULL,
    "subscriber_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "list_ids" INTEGER[],
    "wording_version" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "first_name" TEXT,
    "token_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),

    CONSTRAINT "sign_up_requests_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consent_events" (
    "subscriber_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "kind" "consent_event_kind" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "channel" "consent_channel" NOT NULL,
    "list_wordings" TEXT[],
    "wording_version" TEXT,
    "request_seq" INTEGER,
    "mail_hash" TEXT,
    "evidence_digest" TEXT NOT NULL,
    "previous_hash" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "consent_events_pkey" PRIMARY KEY ("subscriber_id","seq")
);

-- CreateTable
CREATE TABLE "consent_evidence" (
    "subscriber_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "email" TEXT NOT NULL,
    "ip" TEXT,
    "user_agent" TEXT,
    "page" TEXT,

    CONSTRAINT "consent_evidence_pkey" PRIMARY KEY ("subscriber_id","seq")
);

-- CreateTable
CREATE TABLE "mails" (
    "id" UUID NOT NULL,
    "subscriber_id" UUID NOT NULL,
    "kind" "mail_kind" NOT NULL,
    "request_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "accepted_at" TIMESTAMPTZ(3),
    "abandoned" TEXT,
    "copy" TEXT,

    CONSTRAINT "mails_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audience_contacts" (
    "subscriber_id" UUID NOT NULL,
    "wanted" INTEGER NOT NULL DEFAULT 1,
    "acknowledged" INTEGER NOT NULL DEFAULT 0,
    "opt_out" BOOLEAN NOT NULL DEFAULT false,
    "consent_seq" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "refusal" JSONB,
    "acknowledged_at" TIMESTAMPTZ(3),

    CONSTRAINT "audience_contacts_pkey" PRIMARY KEY ("subscriber_id")
);

-- CreateTable
CREATE TABLE "audience_interests" (
    "list_id" INTEGER NOT NULL,
    "audience_id" TEXT NOT NULL,
    "category_id" TEXT NOT NULL,
    "interest_id" TEXT NOT NULL,

    CONSTRAINT "audience_interests_pkey" PRIMARY KEY ("list_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "mailing_lists_slug_key" ON "mailing_lists"("slug");

-- CreateIndex
CREATE INDEX "mailing_list_wordings_slug_idx" ON "mailing_list_wordings"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "subscribers_key_key" ON "subscribers"("key");

-- CreateIndex
CREATE UNIQUE INDEX "subscribers_link_key_key" ON "subscribers"("link_key");

-- CreateIndex
CREATE INDEX "subscribers_abuse_key_idx" ON "subscribers"("abuse_key");

-- CreateIndex
CREATE INDEX "subscriptions_list_id_state_idx" ON "subscriptions"("list_id", "state");

-- CreateIndex
CREATE UNIQUE INDEX "sign_up_requests_token_hash_key" ON "sign_up_requests"("token_hash");

-- CreateIndex
CREATE INDEX "sign_up_requests_subscriber_id_idx" ON "sign_up_requests"("subscriber_id");

-- CreateIndex
CREATE INDEX "mails_subscriber_id_kind_due_at_idx" ON "mails"("subscriber_id", "kind", "due_at");

-- CreateIndex
CREATE INDEX "mails_request_id_idx" ON "mails"("request_id");

-- CreateIndex
CREATE INDEX "audience_contacts_due" ON "audience_contacts"("opt_out" DESC, "due_at") WHERE (wanted <> acknowledged);

-- AddForeignKey
ALTER TABLE "mailing_lists" ADD CONSTRAINT "mailing_lists_wording_version_fkey" FOREIGN KEY ("wording_version") REFERENCES "mailing_list_wordings"("version") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_offers" ADD CONSTRAINT "consent_offers_version_fkey" FOREIGN KEY ("version") REFERENCES "consent_wordings"("version") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_list_id_fkey" FOREIGN KEY ("list_id") REFERENCES "mailing_lists"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_subscriber_id_consent_seq_fkey" FOREIGN KEY ("subscriber_id", "consent_seq") REFERENCES "consent_events"("subscriber_id", "seq") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_subscriber_id_ended_seq_fkey" FOREIGN KEY ("subscriber_id", "ended_seq") REFERENCES "consent_events"("subscriber_id", "seq") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "sign_up_requests" ADD CONSTRAINT "sign_up_requests_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sign_up_requests" ADD CONSTRAINT "sign_up_requests_wording_version_fkey" FOREIGN KEY ("wording_version") REFERENCES "consent_wordings"("version") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sign_up_requests" ADD CONSTRAINT "sign_up_requests_subscriber_id_seq_fkey" FOREIGN KEY ("subscriber_id", "seq") REFERENCES "consent_events"("subscriber_id", "seq") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "consent_events" ADD CONSTRAINT "consent_events_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_events" ADD CONSTRAINT "consent_events_wording_version_fkey" FOREIGN KEY ("wording_version") REFERENCES "consent_wordings"("version") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_evidence" ADD CONSTRAINT "consent_evidence_subscriber_id_seq_fkey" FOREIGN KEY ("subscriber_id", "seq") REFERENCES "consent_events"("subscriber_id", "seq") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "mails" ADD CONSTRAINT "mails_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "mails" ADD CONSTRAINT "mails_request_id_fkey" FOREIGN KEY ("request_id") REFERENCES "sign_up_requests"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audience_contacts" ADD CONSTRAINT "audience_contacts_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "subscribers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audience_interests" ADD CONSTRAINT "audience_interests_list_id_fkey" FOREIGN KEY ("list_id") REFERENCES "mailing_lists"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand: what Prisma's schema cannot say. These are the last line of the invariants, so
-- that no second code path, script or repair by SQL can break them. What looks at several tables does so
-- after the statement, which may write them all at once.

-- I5: the ledger is append-only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change('the consent ledger is append-only (I5)');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON consent_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the consent ledger is append-only (I5)');
CREATE TRIGGER immutable BEFORE UPDATE ON consent_evidence
  FOR EACH ROW EXECUTE FUNCTION refuse_change('evidence of consent is never altered (I5)');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON consent_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('evidence of consent goes only with an erasure (I5)');

-- C-13: what people agreed to stays as they read it.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON consent_wordings
  FOR EACH ROW EXECUTE FUNCTION refuse_change('a wording is never altered, a new one is added (C-13)');
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON mailing_list_wordings
  FOR EACH ROW EXECUTE FUNCTION refuse_change('a wording is never altered, a new one is added (C-13)');

-- I6: evidence may be deleted once erasure has destroyed the salt that ties it to the chain.
CREATE FUNCTION guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM subscribers WHERE id = OLD.subscriber_id AND ledger_salt IS NOT NULL) THEN
    RAISE EXCEPTION 'evidence of consent goes only with an erasure (I5)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;

CREATE TRIGGER only_by_erasure BEFORE DELETE ON consent_evidence
  FOR EACH ROW EXECUTE FUNCTION guard_evidence();

-- I5: entries are numbered without gaps, each carries the hash of the one before, and the head of the
-- chain stands with the person.
ALTER TABLE consent_events
  ADD CONSTRAINT consent_events_numbered CHECK (seq > 0),
  ADD CONSTRAINT consent_events_wording CHECK ((kind = 'requested') = (wording_version IS NOT NULL)),
  ADD CONSTRAINT consent_events_request CHECK ((kind IN ('mailed', 'confirmed')) = (request_seq IS NOT NULL)),
  ADD CONSTRAINT consent_events_mail CHECK ((kind = 'mailed') = (mail_hash IS NOT NULL)),
  ADD CONSTRAINT consent_events_lists CHECK (coalesce(cardinality(list_wordings), 0) > 0);

CREATE FUNCTION link_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE subscribers SET ledger_seq = NEW.seq, ledger_hash = NEW.hash
   WHERE id = NEW.subscriber_id AND ledger_seq = NEW.seq - 1 AND ledger_hash = NEW.previous_hash;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'consent event % does not continue its ledger (I5)', NEW.seq
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- C-12: a confirmation covers the lists of its own request and no others.
  IF NEW.request_seq IS NOT NULL AND NOT EXISTS (
    SELECT FROM consent_events request
     WHERE request.subscriber_id = NEW.subscriber_id AND request.seq = NEW.request_seq
       AND request.kind = 'requested' AND request.list_wordings @> NEW.list_wordings
  ) THEN
    RAISE EXCEPTION 'consent event % answers no request for these lists (C-12)', NEW.seq
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER chained AFTER INSERT ON consent_events
  FOR EACH ROW EXECUTE FUNCTION link_event();

CREATE FUNCTION guard_subscriber() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.ledger_seq, NEW.ledger_hash) IS DISTINCT FROM (OLD.ledger_seq, OLD.ledger_hash)
     AND pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'the head of a ledger moves only with a new event (I5)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.ledger_salt IS NOT NULL AND NEW.ledger_salt IS DISTINCT FROM OLD.ledger_salt THEN
    RAISE EXCEPTION 'the salt of a ledger is only ever destroyed (I6)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- U-17: links in mails that were sent long ago must work.
  IF NEW.link_key <> OLD.link_key THEN
    RAISE EXCEPTION 'the key in a person''s links never changes (U-17)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarded BEFORE UPDATE ON subscribers
  FOR EACH ROW EXECUTE FUNCTION guard_subscriber();

CREATE FUNCTION guard_new_subscriber() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.ledger_seq, NEW.ledger_hash) IS DISTINCT FROM (0, '') THEN
    RAISE EXCEPTION 'a ledger begins empty (I5)' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER begins_empty BEFORE INSERT ON subscribers
  FOR EACH ROW EXECUTE FUNCTION guard_new_subscriber();

ALTER TABLE subscribers
  ADD CONSTRAINT subscribers_link_key CHECK (link_key ~ '^[0-9a-f]{32,}$'),
  ADD CONSTRAINT subscribers_key CHECK (key = lower(email COLLATE "C"));

-- The slug stands in other people's forms and links.
CREATE FUNCTION guard_mailing_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.slug <> OLD.slug THEN
    RAISE EXCEPTION 'the slug of a mailing list never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarded BEFORE UPDATE ON mailing_lists
  FOR EACH ROW EXECUTE FUNCTION guard_mailing_list();

ALTER TABLE mailing_lists ADD CONSTRAINT mailing_lists_slug CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$');

-- I1, I2: pending → subscribed → unsubscribed and again through pending; subscribed only by a confirmation
-- of a request that is newer than the last opt-out; an opt-out is never forgotten.
ALTER TABLE subscriptions
  ADD CONSTRAINT subscriptions_consent CHECK (state <> 'subscribed' OR consent_seq IS NOT NULL),
  ADD CONSTRAINT subscriptions_ending CHECK (state <> 'unsubscribed' OR ended_seq IS NOT NULL);

CREATE FUNCTION guard_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was subscription_state;
  ended integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    was := OLD.state;
    ended := coalesce(OLD.ended_seq, 0);
    IF (NEW.subscriber_id, NEW.list_id) IS DISTINCT FROM (OLD.subscriber_id, OLD.list_id)
       OR coalesce(NEW.ended_seq, 0) < ended THEN
      RAISE EXCEPTION 'an opt-out is never forgotten (I2)' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END IF;

  IF NEW.state IS DISTINCT FROM was AND (coalesce(was::text, 'nothing'), NEW.state::text) NOT IN (
       ('nothing', 'pending'), ('pending', 'subscribed'), ('pending', 'unsubscribed'),
       ('subscribed', 'unsubscribed'), ('unsubscribed', 'pending')) THEN
    RAISE EXCEPTION 'a subscription cannot go from % to % (I2)', coalesce(was::text, 'nothing'), NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF NEW.state = 'subscribed'
     AND (was IS DISTINCT FROM 'subscribed'
          OR (NEW.consent_seq, NEW.ended_seq) IS DISTINCT FROM (OLD.consent_seq, OLD.ended_seq))
     AND NOT EXISTS (
       SELECT FROM consent_events event
         JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
         JOIN mailing_lists list ON list.slug = wording.slug
        WHERE event.subscriber_id = NEW.subscriber_id AND event.seq = NEW.consent_seq
          AND event.kind = 'confirmed' AND event.request_seq > coalesce(NEW.ended_seq, 0) AND list.id = NEW.list_id) THEN
    RAISE EXCEPTION 'nobody is subscribed without a newer confirmed consent (I1, I2)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;

  IF NEW.state = 'unsubscribed' AND was IS DISTINCT FROM 'unsubscribed' AND NOT EXISTS (
       SELECT FROM consent_events event
         JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
         JOIN mailing_lists list ON list.slug = wording.slug
        WHERE event.subscriber_id = NEW.subscriber_id AND event.seq = NEW.ended_seq
          AND event.kind = 'unsubscribed' AND event.seq > ended AND list.id = NEW.list_id) THEN
    RAISE EXCEPTION 'an opt-out needs its entry in the ledger (I3)'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guarded AFTER INSERT OR UPDATE ON subscriptions
  FOR EACH ROW EXECUTE FUNCTION guard_subscription();
CREATE TRIGGER never_deleted BEFORE DELETE ON subscriptions
  FOR EACH ROW EXECUTE FUNCTION refuse_change('a subscription is kept, for it remembers the opt-out (I2)');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON subscriptions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a subscription is kept, for it remembers the opt-out (I2)');
