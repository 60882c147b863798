-- What subkeys are derived from, sealed by the master key in force; it outlives each of them.
CREATE TABLE "vault_root" (
    "id" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "vault_root_pkey" PRIMARY KEY ("id")
);
ALTER TABLE vault_root ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_root FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON vault_root TO nm_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON vault_root TO nm_system;

-- A cluster behind an agent has no credential until its agent has brought one.
ALTER TABLE "cluster" ALTER COLUMN "credential" DROP NOT NULL;
ALTER TABLE "cluster"
    ADD COLUMN "connection" TEXT NOT NULL DEFAULT 'direct' CHECK (connection IN ('direct', 'agent')),
    ADD COLUMN "credential_info" JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN "credential_expires_at" TIMESTAMPTZ(3),
    ADD COLUMN "rotate_at" TIMESTAMPTZ(3),
    ADD COLUMN "rotation" JSONB,
    ADD COLUMN "check_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN "agent_lookup" TEXT,
    ADD COLUMN "agent_hash" BYTEA;
CREATE UNIQUE INDEX "cluster_agent_lookup_key" ON "cluster"("agent_lookup");
CREATE INDEX "cluster_due_check_idx" ON "cluster"("check_at");
CREATE INDEX "cluster_due_rotation_idx" ON "cluster"("rotate_at");

CREATE TABLE "cluster_check" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "cluster_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "health" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "version" TEXT,
    "latency_ms" INTEGER,
    "missing" INTEGER,
    "credential_expires_at" TIMESTAMPTZ(3),
    CONSTRAINT "cluster_check_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "cluster_check_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "cluster"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "cluster_check_cluster_id_id_idx" ON "cluster_check"("cluster_id", "id");
CREATE INDEX "cluster_check_at_idx" ON "cluster_check"("at");

-- Which process holds the tunnel of an agent. A row without a heartbeat is the tunnel of a process that is gone.
CREATE TABLE "agent_tunnel" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "cluster_id" TEXT NOT NULL,
    "owner" TEXT NOT NULL,
    "replica" TEXT NOT NULL,
    "connected_at" TIMESTAMPTZ(3) NOT NULL,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "agent_tunnel_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "agent_tunnel_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "cluster"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "agent_tunnel_cluster_id_idx" ON "agent_tunnel"("cluster_id");

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['cluster_check', 'agent_tunnel']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY tenant ON %I TO nm_app
                     USING (org_id = nullif(current_setting('app.org_id', true), ''))
                     WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''))$p$, t);
    EXECUTE format('CREATE POLICY system ON %I TO nm_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END
$$;
GRANT SELECT, INSERT ON cluster_check TO nm_app;
GRANT SELECT ON agent_tunnel TO nm_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_check, agent_tunnel TO nm_system;
