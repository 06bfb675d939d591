-- CreateEnum
CREATE TYPE "total_kind" AS ENUM ('requested', 'confirmed', 'unsubscribed_reader', 'unsubscribed_mailchimp', 'unsubscribed_import', 'unsubscribed_admin', 'imported', 'import_undone', 'erased', 'subscribers');

-- CreateTable
CREATE TABLE "daily_totals" (
    "kind" "total_kind" NOT NULL,
    "list_id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "daily_totals_pkey" PRIMARY KEY ("kind","list_id","day")
);

-- CreateTable
CREATE TABLE "total_changes" (
    "id" BIGSERIAL NOT NULL,
    "kind" "total_kind" NOT NULL,
    "list_id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "total_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "admin_sessions" (
    "digest" TEXT NOT NULL,
    "key_digest" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "admin_sessions_pkey" PRIMARY KEY ("digest")
);

-- CreateIndex
CREATE INDEX "admin_sessions_expires_at_idx" ON "admin_sessions"("expires_at");

-- CreateIndex
CREATE INDEX "mails_owed" ON "mails"("created_at") WHERE (accepted_at IS NULL AND abandoned IS NULL);

-- Kept totals. A statement adds its rows and touches none of another: counters that are updated would have all
-- sign-ups of a list wait for one row, and two sets with their lists in another order for each other. The rows that are
-- added are few, one a kind and list for a whole set of people, and a duty folds them every minute.
CREATE FUNCTION total_kind_of(kind consent_event_kind, channel consent_channel) RETURNS total_kind
  LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN kind IN ('requested', 'confirmed', 'imported', 'import_undone', 'erased') THEN kind::text::total_kind
    WHEN kind = 'unsubscribed' AND channel IN ('mailchimp', 'import', 'admin')
      THEN ('unsubscribed_' || channel)::total_kind
    WHEN kind = 'unsubscribed' THEN 'unsubscribed_reader'
  END
$$;

CREATE FUNCTION count_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO total_changes (kind, list_id, day, count)
  WITH entry AS (
    SELECT total_kind_of(kind, channel) AS kind, (at AT TIME ZONE 'UTC')::date AS day, list_wordings, count(*) AS count
      FROM added WHERE total_kind_of(kind, channel) IS NOT NULL GROUP BY 1, 2, 3)
  SELECT kind, 0, day, sum(count) FROM entry GROUP BY kind, day
  UNION ALL
  SELECT entry.kind, list.id, entry.day, sum(entry.count)
    FROM entry
   CROSS JOIN unnest(entry.list_wordings) AS named(version)
    JOIN mailing_list_wordings wording ON wording.version = named.version
    JOIN mailing_lists list ON list.slug = wording.slug
   GROUP BY entry.kind, list.id, entry.day;
  RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER INSERT ON consent_events
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_events();

CREATE FUNCTION count_subscribers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO total_changes (kind, list_id, day, count)
    SELECT 'subscribers', list_id, (changed_at AT TIME ZONE 'UTC')::date, count(*)
      FROM added WHERE state = 'subscribed' GROUP BY 2, 3;
  ELSE
    INSERT INTO total_changes (kind, list_id, day, count)
    SELECT 'subscribers', now.list_id, (now.changed_at AT TIME ZONE 'UTC')::date,
           sum((now.state = 'subscribed')::int - (before.state = 'subscribed')::int)
      FROM added now JOIN gone before USING (subscriber_id, list_id)
     WHERE (now.state = 'subscribed') <> (before.state = 'subscribed')
     GROUP BY 2, 3;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER counted_at_first AFTER INSERT ON subscriptions
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_subscribers();
CREATE TRIGGER counted AFTER UPDATE ON subscriptions
  REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_subscribers();

-- What happened until now.
INSERT INTO daily_totals (kind, list_id, day, count)
WITH entry AS (
  SELECT total_kind_of(kind, channel) AS kind, (at AT TIME ZONE 'UTC')::date AS day, list_wordings, count(*) AS count
    FROM consent_events WHERE total_kind_of(kind, channel) IS NOT NULL GROUP BY 1, 2, 3)
SELECT kind, 0, day, sum(count) FROM entry GROUP BY kind, day
UNION ALL
SELECT entry.kind, list.id, entry.day, sum(entry.count)
  FROM entry
 CROSS JOIN unnest(entry.list_wordings) AS named(version)
  JOIN mailing_list_wordings wording ON wording.version = named.version
  JOIN mailing_lists list ON list.slug = wording.slug
 GROUP BY entry.kind, list.id, entry.day
UNION ALL
SELECT 'subscribers', list_id, (changed_at AT TIME ZONE 'UTC')::date, count(*)
  FROM subscriptions WHERE state = 'subscribed' GROUP BY 2, 3;
