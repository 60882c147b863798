-- What a KAMA must remember between requests and keeps nowhere else: how far somebody came in an operation, what a check found. Sealed: an
-- operation's state may hold what a user typed. Rows end by themselves.
CREATE TABLE "kama_document" (
    "org_id" TEXT NOT NULL,
    "install_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "sealed" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "kama_document_pkey" PRIMARY KEY ("install_id", "name"),
    CONSTRAINT "kama_document_install_id_fkey" FOREIGN KEY ("install_id") REFERENCES "install"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "kama_document_expires_at_idx" ON "kama_document"("expires_at");

ALTER TABLE "kama_document" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "kama_document" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "kama_document" TO nm_app
    USING (org_id = nullif(current_setting('app.org_id', true), ''))
    WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''));
CREATE POLICY system ON "kama_document" TO nm_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON "kama_document" TO nm_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON "kama_document" TO nm_system;
