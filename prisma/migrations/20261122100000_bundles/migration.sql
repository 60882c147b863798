-- Descriptors of versions without code, by the digest of their bytes. A row never changes; one that no version names may be taken away after a day.
CREATE TABLE "bundle" (
    "org_id" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "bytes" BYTEA NOT NULL,
    "files" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "bundle_pkey" PRIMARY KEY ("org_id", "digest"),
    CONSTRAINT "bundle_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "org"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

ALTER TABLE "bundle" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "bundle" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "bundle" TO nm_app
    USING (org_id = nullif(current_setting('app.org_id', true), ''))
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''));
CREATE POLICY system ON "bundle" TO nm_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON "bundle" TO nm_app;
GRANT SELECT, INSERT, DELETE ON "bundle" TO nm_system;
