-- What a run waits for, and since when; whether it changes anything; who started it; how much of its log is kept.
ALTER TABLE run ADD COLUMN changing boolean NOT NULL DEFAULT true;
ALTER TABLE run ADD COLUMN waits_reason text CHECK (waits_reason IN ('approval', 'cluster_offline', 'window', 'run'));
ALTER TABLE run ADD COLUMN waits_since timestamptz(3);
ALTER TABLE run ADD COLUMN offline_until timestamptz(3);
ALTER TABLE run ADD COLUMN begin_anyway boolean NOT NULL DEFAULT false;
ALTER TABLE run ADD COLUMN started_by text NOT NULL DEFAULT 'nmachine';
ALTER TABLE run ADD COLUMN schedule_id text;
ALTER TABLE run ADD COLUMN log_chars integer NOT NULL DEFAULT 0;
ALTER TABLE run_step ADD COLUMN log_chars integer NOT NULL DEFAULT 0;
UPDATE run SET waits_reason = CASE WHEN waits_run IS NULL THEN 'approval' ELSE 'run' END, waits_since = now() WHERE status = 'waiting';

-- One changing run at a time has an install. Readers are free, and one that waits for its beginning is in nobody's way.
DROP INDEX run_one_running_per_install;
CREATE UNIQUE INDEX run_one_running_per_install ON run (install_id)
  WHERE changing AND (status = 'running' OR (status = 'waiting' AND started_at IS NOT NULL AND waits_run IS NULL));
CREATE INDEX run_waiting_for_cluster ON run (install_id) WHERE status = 'waiting' AND waits_reason = 'cluster_offline';
CREATE INDEX run_orphaned ON run (lease_until) WHERE status = 'running';
CREATE INDEX run_history ON run (org_id, id);
CREATE INDEX run_ended ON run (org_id, finished_at) WHERE finished_at IS NOT NULL;

-- Runs that have ended are forgotten after so many days.
ALTER TABLE org ADD COLUMN run_retention_days integer NOT NULL DEFAULT 365 CHECK (run_retention_days BETWEEN 1 AND 3650);

CREATE TABLE run_schedule (
  id              text PRIMARY KEY,
  org_id          text NOT NULL,
  install_id      text NOT NULL REFERENCES install(id) ON DELETE CASCADE,
  licence_id      text NOT NULL,
  title           text NOT NULL,
  action          text NOT NULL,
  plan            jsonb NOT NULL,
  timeout_seconds integer NOT NULL,
  priority        integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 1),
  cron            text NOT NULL,
  time_zone       text NOT NULL,
  missed          text NOT NULL CHECK (missed IN ('run-once', 'skip')),
  paused_at       timestamptz(3),
  next_at         timestamptz(3),
  last_at         timestamptz(3),
  last_outcome    text,
  last_run_id     text,
  created_by      text NOT NULL,
  created_at      timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX run_schedule_due ON run_schedule (next_at) WHERE paused_at IS NULL;
CREATE INDEX run_schedule_install ON run_schedule (install_id);

CREATE TABLE maintenance_window (
  id               text PRIMARY KEY,
  org_id           text NOT NULL,
  customer_id      text NOT NULL,
  cluster_id       text REFERENCES cluster(id) ON DELETE CASCADE,
  install_id       text REFERENCES install(id) ON DELETE CASCADE,
  title            text NOT NULL,
  cron             text NOT NULL,
  time_zone        text NOT NULL,
  duration_minutes integer NOT NULL CHECK (duration_minutes BETWEEN 5 AND 10080),
  created_at       timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((cluster_id IS NULL) <> (install_id IS NULL))
);
CREATE INDEX maintenance_window_cluster ON maintenance_window (cluster_id);
CREATE INDEX maintenance_window_install ON maintenance_window (install_id);

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['run_schedule', 'maintenance_window']
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO nm_app, nm_system', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY tenant ON %I TO nm_app
                     USING (org_id = nullif(current_setting('app.org_id', true), ''))
                     WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''))$p$, t);
    EXECUTE format('CREATE POLICY system ON %I TO nm_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END
$$;
