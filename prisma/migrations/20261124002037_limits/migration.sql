-- CreateTable
CREATE UNLOGGED TABLE "buckets" (
    "name" TEXT NOT NULL,
    "empty_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "buckets_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "buckets_empty_at_idx" ON "buckets"("empty_at");
