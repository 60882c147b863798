-- A run changes its state twice, and each time every index of it gets an entry. Installs are found by the index of the idempotency keys, which begins with them.
DROP INDEX run_install_id_created_at_idx;

-- Lines are written only in statements that hold their run's row. Asking for it again with each of them was much of what PostgreSQL does for a run; what
-- was told of runs is removed once for all runs of a statement.
ALTER TABLE run_log DROP CONSTRAINT run_log_run_id_fkey;
CREATE FUNCTION nm_runs_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM run_log l USING gone WHERE l.run_id = gone.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER runs_gone AFTER DELETE ON run REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION nm_runs_gone();
