-- Licences get a life (trial, first use, graded grace, seats), apps get rules of their own, decisions are kept to be explained.

ALTER TABLE "org" ADD COLUMN "limits" JSONB NOT NULL DEFAULT '{}', ADD COLUMN "renewal_url" TEXT;

ALTER TABLE "app" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'kama',
    ADD COLUMN "engines" TEXT[] DEFAULT ARRAY[]::TEXT[],
    ADD COLUMN "cors_origins" TEXT[] DEFAULT ARRAY[]::TEXT[],
    ADD COLUMN "limits" JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN "renewal_url" TEXT;
ALTER TABLE "app" ADD CHECK ("kind" IN ('kama', 'ktea'));

ALTER TABLE "channel" ADD COLUMN "next_version_id" TEXT, ADD COLUMN "next_percent" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "channel" ADD CONSTRAINT "channel_next_version_id_fkey" FOREIGN KEY ("next_version_id") REFERENCES "app_version"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "channel" ADD CHECK ("next_percent" BETWEEN 0 AND 100);

ALTER TABLE "customer" ADD COLUMN "external_id" TEXT;
CREATE UNIQUE INDEX "customer_org_id_external_id_key" ON "customer"("org_id", "external_id");

ALTER TABLE "licence" ADD COLUMN "trial" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "expires_after_first_use_seconds" INTEGER,
    ADD COLUMN "first_used_at" TIMESTAMPTZ(3),
    ADD COLUMN "grace" JSONB NOT NULL DEFAULT '[]';
-- Forced row-level security binds the owner too, who has no tenant here.
ALTER TABLE "licence" NO FORCE ROW LEVEL SECURITY;
UPDATE "licence" SET "grace" = jsonb_build_array(jsonb_build_object('mode', 'read-only', 'seconds', "grace_seconds")) WHERE "grace_seconds" > 0;
ALTER TABLE "licence" FORCE ROW LEVEL SECURITY;
ALTER TABLE "licence" DROP COLUMN "grace_seconds";
ALTER TABLE "licence" ADD CHECK ("expires_after_first_use_seconds" > 0);
CREATE INDEX "licence_customer_id_idx" ON "licence"("customer_id");

CREATE TABLE "licence_event" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "detail" JSONB NOT NULL DEFAULT '{}',
    "at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "licence_event_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "licence_event_licence_id_id_idx" ON "licence_event"("licence_id", "id");
ALTER TABLE "licence_event" ADD CONSTRAINT "licence_event_licence_id_fkey" FOREIGN KEY ("licence_id") REFERENCES "licence"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "licence_user" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "licence_user_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "licence_user_licence_id_source_subject_key" ON "licence_user"("licence_id", "source", "subject");
ALTER TABLE "licence_user" ADD CONSTRAINT "licence_user_licence_id_fkey" FOREIGN KEY ("licence_id") REFERENCES "licence"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "licence_presence" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "user_id" TEXT,
    "client" TEXT,
    "cookie" BOOLEAN NOT NULL DEFAULT false,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    CONSTRAINT "licence_presence_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "licence_presence_licence_id_expires_at_idx" ON "licence_presence"("licence_id", "expires_at");
ALTER TABLE "licence_presence" ADD CONSTRAINT "licence_presence_licence_id_fkey" FOREIGN KEY ("licence_id") REFERENCES "licence"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "licence_presence" ADD CONSTRAINT "licence_presence_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "licence_user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "access_rule_set" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "rules" JSONB NOT NULL,
    "author" TEXT NOT NULL,
    "comment" TEXT,
    "copy_of" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "access_rule_set_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "access_rule_set_app_id_version_key" ON "access_rule_set"("app_id", "version");
ALTER TABLE "access_rule_set" ADD CONSTRAINT "access_rule_set_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "app"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "decision_sample" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "licence_id" TEXT NOT NULL,
    "install_id" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "effect" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "rule_id" TEXT,
    "rule_set_version" INTEGER,
    "weight" INTEGER NOT NULL DEFAULT 1,
    "request_id" TEXT,
    "request" JSONB NOT NULL,
    "facts" JSONB NOT NULL,
    CONSTRAINT "decision_sample_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "decision_sample_licence_id_at_idx" ON "decision_sample"("licence_id", "at");
CREATE INDEX "decision_sample_app_id_at_idx" ON "decision_sample"("app_id", "at");
CREATE INDEX "decision_sample_at_idx" ON "decision_sample"("at");
ALTER TABLE "decision_sample" ADD CONSTRAINT "decision_sample_licence_id_fkey" FOREIGN KEY ("licence_id") REFERENCES "licence"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "decision_sample" ADD CHECK ("effect" IN ('allow', 'read-only', 'deny'));

CREATE TABLE "oidc_issuer" (
    "id" TEXT NOT NULL,
    "org_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "audience" TEXT NOT NULL,
    "algorithms" TEXT[],
    "mapping" JSONB NOT NULL,
    "jwks_uri" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "oidc_issuer_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "oidc_issuer_org_id_issuer_audience_key" ON "oidc_issuer"("org_id", "issuer", "audience");
CREATE INDEX "oidc_issuer_issuer_idx" ON "oidc_issuer"("issuer");

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['licence_event', 'licence_user', 'licence_presence', 'access_rule_set', 'decision_sample', 'oidc_issuer']
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

GRANT SELECT, INSERT, UPDATE, DELETE ON licence_user, licence_presence, oidc_issuer TO nm_app, nm_system;
-- What happened stays as it was: events and rule sets are written once; decisions only grow old.
GRANT SELECT, INSERT ON licence_event, access_rule_set, decision_sample TO nm_app, nm_system;
GRANT DELETE ON decision_sample TO nm_system;
