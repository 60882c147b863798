-- A run may wait for what its install's KAMA does.
ALTER TABLE run DROP CONSTRAINT run_waits_reason_check;
ALTER TABLE run ADD CONSTRAINT run_waits_reason_check
  CHECK (waits_reason IN ('approval', 'cluster_offline', 'window', 'run', 'decision', 'time', 'kama'));
