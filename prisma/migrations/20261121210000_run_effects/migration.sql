-- What a run changed, what a person said of a step in doubt, and runs that are parts of others.
ALTER TABLE run_step ADD COLUMN decision jsonb;

CREATE TABLE run_change (
  id             text PRIMARY KEY,
  org_id         text NOT NULL,
  run_id         text NOT NULL REFERENCES run(id) ON DELETE CASCADE ON UPDATE CASCADE,
  position       integer NOT NULL,
  object_key     text NOT NULL,
  object         jsonb NOT NULL,
  verb           text CHECK (verb IN ('created', 'changed', 'deleted')),
  version_before text,
  version_after  text,
  before         jsonb,
  diff           jsonb,
  at             timestamptz(3) NOT NULL
);
CREATE INDEX run_change_run_id_id_idx ON run_change (run_id, id);
-- One write of a step to an object is under way at a time; a worker that takes over finds what was there before.
CREATE UNIQUE INDEX run_change_open ON run_change (run_id, position, object_key) WHERE verb IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON run_change TO nm_app, nm_system;
ALTER TABLE run_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_change FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON run_change TO nm_app
  USING (org_id = nullif(current_setting('app.org_id', true), ''))
  WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''));
CREATE POLICY system ON run_change TO nm_system USING (true) WITH CHECK (true);

ALTER TABLE run ADD COLUMN parent_id text;
ALTER TABLE run ADD COLUMN parent_step integer;
ALTER TABLE run ADD COLUMN lineage text[] DEFAULT ARRAY[]::text[] CHECK (lineage IS NOT NULL);
ALTER TABLE run ADD COLUMN waits_run text;
CREATE INDEX run_children ON run (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX run_waits_run ON run (waits_run) WHERE waits_run IS NOT NULL;

-- A run that waits for its own child lends it the install.
DROP INDEX run_one_running_per_install;
CREATE UNIQUE INDEX run_one_running_per_install ON run (install_id)
  WHERE status = 'running' OR (status = 'waiting' AND waits_run IS NULL);
