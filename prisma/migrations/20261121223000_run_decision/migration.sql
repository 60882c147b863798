-- A run may wait for a person to say what became of a step in doubt.
ALTER TABLE run DROP CONSTRAINT run_waits_reason_check;
ALTER TABLE run ADD CONSTRAINT run_waits_reason_check
  CHECK (waits_reason IN ('approval', 'cluster_offline', 'window', 'run', 'decision'));

-- The tables of the migration before this one, in the shape that the schema declares.
ALTER TABLE run_schedule ALTER COLUMN created_at SET DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE maintenance_window ALTER COLUMN created_at SET DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE run_schedule DROP CONSTRAINT run_schedule_install_id_fkey;
ALTER TABLE run_schedule ADD CONSTRAINT run_schedule_install_id_fkey
  FOREIGN KEY (install_id) REFERENCES install(id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE maintenance_window DROP CONSTRAINT maintenance_window_install_id_fkey;
ALTER TABLE maintenance_window ADD CONSTRAINT maintenance_window_install_id_fkey
  FOREIGN KEY (install_id) REFERENCES install(id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE maintenance_window DROP CONSTRAINT maintenance_window_cluster_id_fkey;
ALTER TABLE maintenance_window ADD CONSTRAINT maintenance_window_cluster_id_fkey
  FOREIGN KEY (cluster_id) REFERENCES cluster(id) ON DELETE CASCADE ON UPDATE CASCADE;
