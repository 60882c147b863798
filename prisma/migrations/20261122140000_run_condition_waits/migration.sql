-- A run that waits for objects, Jobs or addresses to come to a state holds no worker meanwhile.
ALTER TABLE run DROP CONSTRAINT run_waits_reason_check;
ALTER TABLE run ADD CONSTRAINT run_waits_reason_check
  CHECK (waits_reason IN ('approval', 'cluster_offline', 'window', 'run', 'decision', 'time', 'kama', 'condition'));
