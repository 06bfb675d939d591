-- AlterTable
ALTER TABLE "audience_lane" ADD COLUMN     "paused_at" TIMESTAMPTZ(3),
ADD COLUMN     "paused_by" TEXT;

-- Who paused it and when belong together.
ALTER TABLE audience_lane ADD CONSTRAINT audience_lane_paused CHECK ((paused_by IS NULL) = (paused_at IS NULL));
