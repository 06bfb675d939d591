-- AlterEnum

ALTER TYPE "consent_channel" ADD VALUE 'not_me_page';
ALTER TYPE "consent_channel" ADD VALUE 'erase_page';

-- AlterEnum
ALTER TYPE "consent_event_kind" ADD VALUE 'erased';

-- AlterEnum

ALTER TYPE "mail_kind" ADD VALUE 'welcome';
ALTER TYPE "mail_kind" ADD VALUE 'my_link';
ALTER TYPE "mail_kind" ADD VALUE 'receipt';
ALTER TYPE "mail_kind" ADD VALUE 'copy';
ALTER TYPE "mail_kind" ADD VALUE 'erasure';

-- AlterTable
ALTER TABLE "audience_contacts" ADD COLUMN     "erase" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "mails" ADD COLUMN     "seq" INTEGER,
ADD COLUMN     "token_hash" TEXT;

-- AlterTable
ALTER TABLE "subscribers" ADD COLUMN     "declined_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "suppressions" (
    "digest" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "suppressions_pkey" PRIMARY KEY ("digest")
);

-- CreateIndex
CREATE UNIQUE INDEX "mails_token" ON "mails"("token_hash") WHERE (token_hash IS NOT NULL);

-- An erasure says of no list what became of it: the opt-out before it does. (As text, since a new value of an
-- enum cannot be used in the transaction that adds it.)
ALTER TABLE consent_events
  DROP CONSTRAINT consent_events_lists,
  ADD CONSTRAINT consent_events_lists
    CHECK (kind::text IN ('address_changed', 'erased') OR coalesce(cardinality(list_wordings), 0) > 0);

ALTER TABLE mails
  ADD CONSTRAINT mails_request CHECK ((kind::text = 'confirmation') = (request_id IS NOT NULL)),
  ADD CONSTRAINT mails_entry CHECK ((kind::text IN ('welcome', 'receipt')) = (seq IS NOT NULL)),
  ADD CONSTRAINT mails_link CHECK ((kind::text = 'erasure') = (token_hash IS NOT NULL));

-- I6: what is erased stays so. Its ledger ends, and nothing personal comes back into its row.
CREATE FUNCTION guard_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.ledger_salt IS NULL
     AND (NEW.typed, NEW.email, NEW.abuse_key, NEW.first_name, NEW.ledger_seq)
         IS DISTINCT FROM (OLD.typed, OLD.email, OLD.abuse_key, OLD.first_name, OLD.ledger_seq) THEN
    RAISE EXCEPTION 'an erased person does not come back (I6)' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER erased BEFORE UPDATE ON subscribers
  FOR EACH ROW EXECUTE FUNCTION guard_erased();
