-- Workers choose the next run fairly among tenants; a cluster's owner may pause all runs on it.
ALTER TABLE run ADD COLUMN priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 1);
ALTER TABLE org ADD COLUMN run_weight integer NOT NULL DEFAULT 1 CHECK (run_weight BETWEEN 1 AND 100);
ALTER TABLE cluster ADD COLUMN paused_at timestamptz(3);

-- The next run of each tenant is found by walking this index, however long one tenant's queue is.
CREATE INDEX run_queued_fairly ON run (org_id, priority DESC, created_at, id) WHERE status = 'queued';
CREATE INDEX run_at_work ON run (org_id) WHERE status = 'running';
