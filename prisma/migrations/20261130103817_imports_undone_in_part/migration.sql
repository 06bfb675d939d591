-- AlterTable
ALTER TABLE "imports" ADD COLUMN     "refused_rows" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
ADD COLUMN     "undo_begun_at" TIMESTAMPTZ(3);
