-- Plans become trees: groups and undo steps are rows too. Runs can wait for a person in the middle of their work.
ALTER TABLE run ADD COLUMN ending jsonb;
ALTER TABLE run ADD COLUMN waits_for text;
ALTER TABLE run ADD COLUMN waits_until timestamptz(3);
ALTER TABLE run ADD COLUMN retry_of text;
ALTER TABLE run_step ADD COLUMN parent integer;
ALTER TABLE run_step ADD COLUMN role text NOT NULL DEFAULT 'work';

ALTER TABLE run DROP CONSTRAINT run_status_check;
ALTER TABLE run ADD CONSTRAINT run_status_check
  CHECK (status IN ('queued', 'running', 'waiting', 'positive', 'negative', 'cancelled', 'timed_out'));
ALTER TABLE run_step DROP CONSTRAINT run_step_status_check;
ALTER TABLE run_step ADD CONSTRAINT run_step_status_check
  CHECK (status IN ('idle', 'running', 'positive', 'negative', 'skipped', 'unknown'));
ALTER TABLE run_step ADD CONSTRAINT run_step_role_check CHECK (role IN ('work', 'group', 'undo'));

-- A run that waits in the middle of its work still is the one run that changes the install.
DROP INDEX run_one_running_per_install;
CREATE UNIQUE INDEX run_one_running_per_install ON run (install_id) WHERE status IN ('running', 'waiting');
CREATE INDEX run_waiting ON run (waits_until) WHERE status = 'waiting';
