-- AlterEnum
ALTER TYPE "consent_channel" ADD VALUE 'mailchimp';

-- AlterEnum
ALTER TYPE "consent_event_kind" ADD VALUE 'address_changed';

-- AlterTable
ALTER TABLE "audience_contacts" ADD COLUMN     "asked_seq" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "look" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "may_act_until" TIMESTAMPTZ(3),
ADD COLUMN     "member_status" TEXT,
ADD COLUMN     "moved_to" TEXT,
ADD COLUMN     "reported" TEXT;

-- AlterTable
ALTER TABLE "audience_interests" ADD COLUMN     "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- AlterTable
ALTER TABLE "subscribers" ADD COLUMN     "mail_block" TEXT;

-- CreateTable
CREATE UNLOGGED TABLE "audience_sightings" (
    "subscriber_id" UUID NOT NULL,

    CONSTRAINT "audience_sightings_pkey" PRIMARY KEY ("subscriber_id")
);

-- CreateTable
CREATE TABLE "audience_lane" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "stopped" TEXT,
    "stopped_at" TIMESTAMPTZ(3),
    "trouble" TEXT,
    "trouble_at" TIMESTAMPTZ(3),

    CONSTRAINT "audience_lane_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "digest" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "fired_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("digest")
);

-- CreateTable
CREATE TABLE "reconciliations" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "heard_until" TIMESTAMPTZ(3),
    "report" JSONB,
    "failure" TEXT,

    CONSTRAINT "reconciliations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "webhook_deliveries_received_at_idx" ON "webhook_deliveries"("received_at");

-- CreateIndex
CREATE INDEX "reconciliations_requested_at_idx" ON "reconciliations"("requested_at");

-- CreateIndex
CREATE INDEX "audience_contacts_refused" ON "audience_contacts"("subscriber_id") WHERE (refusal IS NOT NULL);

-- AddForeignKey
ALTER TABLE "audience_sightings" ADD CONSTRAINT "audience_sightings_subscriber_id_fkey" FOREIGN KEY ("subscriber_id") REFERENCES "audience_contacts"("subscriber_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What the audience acknowledged so far, it acknowledged with the interests it had.
UPDATE audience_interests SET created_at = 'epoch';

INSERT INTO audience_lane (id) VALUES (1);
ALTER TABLE audience_lane ADD CONSTRAINT audience_lane_one CHECK (id = 1);

ALTER TABLE subscribers
  ADD CONSTRAINT subscribers_mail_block CHECK (mail_block IN ('bounced', 'complained'));
ALTER TABLE audience_contacts
  ADD CONSTRAINT audience_contacts_reported CHECK (reported IN ('left', 'complained'));
ALTER TABLE reconciliations
  ADD CONSTRAINT reconciliations_kind CHECK (kind IN ('full', 'incremental'));

-- An address changes for a person who may be on no list at that time. (As text, since a new value of an
-- enum cannot be used in the transaction that adds it.)
ALTER TABLE consent_events
  DROP CONSTRAINT consent_events_lists,
  ADD CONSTRAINT consent_events_lists
    CHECK (kind::text = 'address_changed' OR coalesce(cardinality(list_wordings), 0) > 0);
