-- A licensee lends an install's part of a cluster by tokens, may shut that door, and sees what was changed through it.
ALTER TABLE install
    ADD COLUMN cluster_access boolean NOT NULL DEFAULT true,
    ADD COLUMN accepted_cluster_roles text;
ALTER TABLE plan ADD COLUMN suspended_access text NOT NULL DEFAULT 'shut' CHECK (suspended_access IN ('shut', 'read-only'));

CREATE TABLE "install_token" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "install_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "instance_id" TEXT,
    "name" TEXT NOT NULL,
    "mode" TEXT NOT NULL CHECK (mode IN ('full', 'read-only')),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    CONSTRAINT "install_token_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "install_token_install_id_fkey" FOREIGN KEY ("install_id") REFERENCES "install"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "install_token_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "install_token_install_id_id_idx" ON "install_token"("install_id", "id");
CREATE INDEX "install_token_instance_id_idx" ON "install_token"("instance_id");
CREATE INDEX "install_token_expires_at_idx" ON "install_token"("expires_at");

-- What is recorded outlives the install: it names it, and goes with the licence.
CREATE TABLE "cluster_call" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "install_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'call' CHECK (kind IN ('call', 'missed')),
    "count" INTEGER NOT NULL DEFAULT 1,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "verb" TEXT NOT NULL,
    "api_group" TEXT NOT NULL,
    "api_version" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "subresource" TEXT,
    "namespace" TEXT,
    "name" TEXT,
    "actor_kind" TEXT NOT NULL CHECK (actor_kind IN ('licensee', 'instance', 'app', 'nmachine')),
    "actor_id" TEXT NOT NULL,
    "actor_name" TEXT NOT NULL,
    "status" INTEGER,
    "code" TEXT,
    "request_id" TEXT,
    CONSTRAINT "cluster_call_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "cluster_call_licence_id_fkey" FOREIGN KEY ("licence_id") REFERENCES "licence"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "cluster_call_install_id_id_idx" ON "cluster_call"("install_id", "id");
CREATE INDEX "cluster_call_at_idx" ON "cluster_call"("at");

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['install_token', 'cluster_call']
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
GRANT SELECT, INSERT, UPDATE ON install_token TO nm_app;
-- Only the gateway writes the record, for whoever it is about.
GRANT SELECT ON cluster_call TO nm_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON install_token, cluster_call TO nm_system;
