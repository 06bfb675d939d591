-- AlterTable
ALTER TABLE "imports" ADD COLUMN     "active_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- By hand: of those before, nothing is known but when they were begun and finished.
UPDATE imports SET active_at = coalesce(finished_at, created_at);
