-- While an agent's token is being replaced, the one before opens tunnels too.
ALTER TABLE "cluster"
    ADD COLUMN "agent_old_lookup" TEXT,
    ADD COLUMN "agent_old_hash" BYTEA,
    ADD COLUMN "agent_old_until" TIMESTAMPTZ(3);
CREATE UNIQUE INDEX "cluster_agent_old_lookup_key" ON "cluster"("agent_old_lookup");
