-- A run's way through the engine in few statements: chosen and claimed in one, each step's record in one, its end in one.

-- Plans with secrets in them lie sealed; `plan` has the rest, to be looked at.
ALTER TABLE run ADD COLUMN sealed_plan bytea;
ALTER TABLE run_schedule ADD COLUMN sealed_plan bytea;

-- Every record of a run renews its lease. Without an index on the lease such an update touches no index at all (heap-only), and the runs at
-- work, which are few, are found by run_at_work.
DROP INDEX run_status_lease_until_idx;
DROP INDEX run_orphaned;
ALTER TABLE run SET (fillfactor = 80);
ALTER TABLE run_step SET (fillfactor = 80);

-- Runs that have begun, or are part of one that has, come before all others of their tenant; they are few. The others are found by walking
-- run_queued_fairly.
CREATE INDEX run_queued_begun ON run (org_id, priority DESC, created_at, id)
  WHERE status = 'queued' AND (started_at IS NOT NULL OR lineage <> '{}');
-- Who keeps an install's next run from beginning.
CREATE INDEX run_holds_install ON run (org_id, install_id)
  WHERE changing AND (status = 'running' OR (status = 'waiting' AND started_at IS NOT NULL));
-- An install may have a long history; what is queued of it is short.
CREATE INDEX run_queued_of_install ON run (install_id) WHERE status = 'queued';

-- Which run a free worker should take; see choose-run.ts.
CREATE FUNCTION nm_run_choose(p_asked text, p_tenant_max integer, p_not text[]) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  chosen text;
BEGIN
  SELECT id INTO chosen FROM run WHERE status = 'running' AND lease_until <= clock_timestamp() AND id <> ALL (p_not)
   ORDER BY (id <> p_asked), lease_until LIMIT 1;
  IF FOUND THEN
    RETURN chosen;
  END IF;
  WITH RECURSIVE tenant AS (
      (SELECT org_id FROM run WHERE status = 'queued' ORDER BY org_id LIMIT 1)
    UNION ALL
      SELECT (SELECT r.org_id FROM run r WHERE r.status = 'queued' AND r.org_id > tenant.org_id ORDER BY r.org_id LIMIT 1)
        FROM tenant WHERE tenant.org_id IS NOT NULL),
  share AS (SELECT org_id, count(*) AS slots FROM run WHERE status = 'running' GROUP BY org_id),
  paused AS (SELECT i.id FROM install i JOIN cluster c ON c.id = i.cluster_id WHERE c.paused_at IS NOT NULL)
  SELECT next.id INTO chosen
    FROM tenant
    JOIN org ON org.id = tenant.org_id
    LEFT JOIN share ON share.org_id = tenant.org_id
   CROSS JOIN LATERAL (
     (SELECT 0 AS turn, r.id, r.created_at FROM run r
       WHERE r.org_id = tenant.org_id AND r.status = 'queued' AND (r.started_at IS NOT NULL OR r.lineage <> '{}')
         AND (NOT r.changing OR NOT EXISTS (
               SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.org_id = r.org_id AND o.changing
                  AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
                  AND NOT (o.id = ANY (r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY (r.lineage || r.id))))
         AND r.install_id NOT IN (SELECT id FROM paused) AND r.id <> ALL (p_not)
       ORDER BY r.priority DESC, r.created_at, r.id LIMIT 1)
     UNION ALL
     (SELECT 1, r.id, r.created_at FROM run r
       WHERE r.org_id = tenant.org_id AND r.status = 'queued' AND r.started_at IS NULL AND r.lineage = '{}'
         AND (NOT r.changing OR r.install_id NOT IN (
               SELECT o.install_id FROM run o WHERE o.org_id = tenant.org_id AND o.changing
                  AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))))
         AND r.install_id NOT IN (SELECT id FROM paused) AND r.id <> ALL (p_not)
       ORDER BY r.priority DESC, r.created_at, r.id LIMIT 1)
     ORDER BY turn LIMIT 1) next
   WHERE coalesce(share.slots, 0) < p_tenant_max
   ORDER BY coalesce(share.slots, 0)::float8 / org.run_weight, next.created_at LIMIT 1;
  RETURN chosen;
END
$$;

-- What a worker must know of a run that it wants to claim. The row stays locked to the end of the transaction.
CREATE FUNCTION nm_run_facts(p_run text)
RETURNS TABLE (status text, "leaseExpired" boolean, busy boolean, behind boolean, paused boolean, away boolean, "awayUntil" timestamptz, windows boolean)
LANGUAGE sql AS $$
  SELECT r.status, coalesce(r.lease_until <= clock_timestamp(), true),
         r.changing AND EXISTS (
           SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.org_id = r.org_id AND o.id <> r.id AND o.changing
              AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
              AND NOT (o.id = ANY (r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY (r.lineage || r.id))),
         r.changing AND cardinality(r.lineage) = 0 AND EXISTS (
           SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.status = 'queued' AND o.changing
              AND (o.started_at IS NULL, -o.priority, o.created_at, o.id) < (r.started_at IS NULL, -r.priority, r.created_at, r.id)),
         c.paused_at IS NOT NULL,
         r.started_at IS NULL AND c.health = 'unreachable' AND r.plan ? 'waitForCluster'
           AND coalesce(r.offline_until > clock_timestamp(), true),
         coalesce(r.offline_until, clock_timestamp() + (r.plan->'waitForCluster'->>'seconds')::int * interval '1 s'),
         r.kind = 'action' AND r.parent_id IS NULL AND r.changing AND NOT r.begin_anyway AND r.started_at IS NULL AND EXISTS (
           SELECT 1 FROM maintenance_window w WHERE w.install_id = i.id OR w.cluster_id = i.cluster_id)
    FROM run r JOIN install i ON i.id = r.install_id JOIN cluster c ON c.id = i.cluster_id
   WHERE r.id = p_run FOR UPDATE OF r
$$;

-- Fence + 1, a new lease, the deadline with the first claim, and the event; the caller has decided that it may. Gives the run with its steps.
CREATE FUNCTION nm_run_begin(p_run text, p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  r run%ROWTYPE;
BEGIN
  UPDATE run SET status = 'running', fence = fence + 1, worker = p_worker, next_seq = next_seq + 1,
         lease_until = clock_timestamp() + p_lease_ms * interval '1 ms',
         started_at = coalesce(started_at, clock_timestamp()),
         deadline_at = coalesce(deadline_at, clock_timestamp() + timeout_seconds * interval '1 s')
   WHERE id = p_run RETURNING * INTO r;
  INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
  VALUES (r.org_id, r.id, r.next_seq - 1, p_at, 'status', '{"status": "running"}');
  RETURN (
    SELECT jsonb_build_object(
             'id', r.id, 'orgId', r.org_id, 'installId', r.install_id, 'licenceId', r.licence_id, 'clusterId', i.cluster_id,
             'namespace', i.namespace, 'kind', r.kind, 'title', r.title, 'action', r.action, 'lineage', r.lineage, 'plan', r.plan,
             'sealedPlan', encode(r.sealed_plan, 'base64'), 'fence', r.fence, 'logChars', r.log_chars, 'cancelRequested', r.cancel_requested_at IS NOT NULL,
             'offlineUntil', r.offline_until, 'ending', r.ending,
             'remainingMs', (extract(epoch FROM r.deadline_at - clock_timestamp()) * 1000)::float8,
             'steps', (SELECT jsonb_agg(jsonb_build_object(
                          'position', s.position, 'parent', s.parent, 'kind', s.kind, 'title', s.title, 'status', s.status,
                          'attempts', s.attempts, 'output', s.output, 'error', s.error, 'finishedAt', s.finished_at,
                          'logChars', s.log_chars) ORDER BY s.position)
                         FROM run_step s WHERE s.run_id = r.id))
      FROM install i WHERE i.id = r.install_id);
END
$$;

-- Claims a run in one statement where nothing stands in its way, under the lock of its install (the same as lockInstall takes). What it claims,
-- decideClaim would let through; everything else is left to decideClaim: then it gives the facts.
CREATE FUNCTION nm_run_claim(p_run text, p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  install text;
  f record;
BEGIN
  SELECT install_id INTO install FROM run WHERE id = p_run;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('id', p_run);
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(install, 7241));
  SELECT * INTO f FROM nm_run_facts(p_run);
  IF NOT FOUND THEN
    RETURN jsonb_build_object('id', p_run);
  END IF;
  IF NOT f.busy AND ((f.status = 'running' AND f."leaseExpired")
                     OR (f.status = 'queued' AND NOT f.behind AND NOT f.paused AND NOT f.away AND NOT f.windows)) THEN
    RETURN jsonb_build_object('id', p_run, 'run', nm_run_begin(p_run, p_worker, p_lease_ms, p_at));
  END IF;
  RETURN jsonb_build_object('id', p_run, 'facts', to_jsonb(f));
END
$$;

-- Chooses a run and claims it. Where another worker decides over the same install at this moment, the next best is taken; only when there is
-- none is it waited for.
CREATE FUNCTION nm_run_take(p_asked text, p_tenant_max integer, p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  passed text[] := '{}';
  waited text;
  chosen text;
BEGIN
  FOR i IN 1..8 LOOP
    chosen := nm_run_choose(p_asked, p_tenant_max, passed);
    EXIT WHEN chosen IS NULL;
    IF (SELECT pg_try_advisory_xact_lock(hashtextextended(install_id, 7241)) FROM run WHERE id = chosen) THEN
      RETURN nm_run_claim(chosen, p_worker, p_lease_ms, p_at);
    END IF;
    waited := coalesce(waited, chosen);
    passed := passed || chosen;
  END LOOP;
  chosen := coalesce(waited, chosen);
  RETURN CASE WHEN chosen IS NULL THEN NULL ELSE nm_run_claim(chosen, p_worker, p_lease_ms, p_at) END;
END
$$;

-- Asks for the next run of the install, which may begin now, and since a slot of the tenant is free, for one of its others.
CREATE FUNCTION nm_run_announce_next(p_install text, p_org text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO outbox (org_id, topic, payload)
  SELECT p_org, 'run', jsonb_build_object('runId', id)
    FROM ((SELECT 0 AS turn, id FROM run WHERE install_id = p_install AND org_id = p_org AND status = 'queued'
            ORDER BY priority DESC, created_at, id LIMIT 1)
          UNION ALL
          (SELECT 1, id FROM run WHERE org_id = p_org AND status = 'queued' ORDER BY priority DESC, created_at, id LIMIT 1)) next
   GROUP BY id ORDER BY min(turn)
$$;

-- Writes what has become of steps, and lines of the story, under the run's fence; renews the lease. No row comes back when the fence is not the run's.
-- p_steps: position with status, attempt, output, error, chars, each of which may be absent. p_entries: kind, data.
CREATE FUNCTION nm_run_write_steps(p_run text, p_fence integer, p_at timestamptz, p_steps jsonb) RETURNS void LANGUAGE sql AS $$
  UPDATE run_step s
     SET status = coalesce(d.status, s.status), attempts = coalesce(d.attempt, s.attempts), fence = p_fence,
         started_at = CASE WHEN d.status = 'running' THEN p_at ELSE s.started_at END,
         finished_at = CASE WHEN d.status <> 'running' THEN p_at ELSE s.finished_at END,
         output = coalesce(d.output, s.output), error = coalesce(d.error, s.error), log_chars = s.log_chars + coalesce(d.chars, 0)
    FROM jsonb_to_recordset(p_steps) AS d(position integer, status text, attempt integer, output jsonb, error jsonb, chars integer)
   WHERE s.run_id = p_run AND s.position = d.position
$$;

CREATE FUNCTION nm_run_write(
  p_run text, p_fence integer, p_lease_ms integer, p_at timestamptz, p_steps jsonb, p_entries jsonb, p_chars integer)
RETURNS TABLE ("cancelRequested" boolean) LANGUAGE plpgsql AS $$
DECLARE
  count integer := jsonb_array_length(p_entries);
  org text;
  first integer;
BEGIN
  UPDATE run SET next_seq = next_seq + count, log_chars = log_chars + p_chars, lease_until = clock_timestamp() + p_lease_ms * interval '1 ms'
   WHERE id = p_run AND fence = p_fence AND status = 'running'
  RETURNING org_id, next_seq - count, cancel_requested_at IS NOT NULL INTO org, first, "cancelRequested";
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF jsonb_array_length(p_steps) > 0 THEN
    PERFORM nm_run_write_steps(p_run, p_fence, p_at, p_steps);
  END IF;
  INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
  SELECT org, p_run, first + e.n - 1, p_at, e.entry->>'kind', e.entry->'data'
    FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS e(entry, n);
  RETURN NEXT;
END
$$;

-- Ends a run well, with the last records of its steps. `slow`: more follows from this end than this knows (an install that changes its state, a
-- parent that waits, a step that is still open); nothing is written then. `lost`: the fence is not the run's.
CREATE FUNCTION nm_run_finish(
  p_run text, p_fence integer, p_at timestamptz, p_steps jsonb, p_entries jsonb, p_chars integer, p_announce boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  count integer := jsonb_array_length(p_entries);
  r record;
  first integer;
BEGIN
  SELECT install_id, org_id, kind INTO r FROM run WHERE id = p_run;
  IF NOT FOUND THEN
    RETURN 'lost';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(r.install_id, 7241));
  IF r.kind <> 'action' OR EXISTS (SELECT 1 FROM run WHERE waits_run = p_run AND status = 'waiting')
     OR EXISTS (SELECT 1 FROM run_step s WHERE s.run_id = p_run AND s.status = 'running' AND NOT EXISTS (
                  SELECT 1 FROM jsonb_to_recordset(p_steps) AS d(position integer, status text)
                   WHERE d.position = s.position AND d.status <> 'running')) THEN
    RETURN 'slow';
  END IF;
  UPDATE run SET status = 'positive', error = NULL, finished_at = p_at, lease_until = NULL,
         next_seq = next_seq + count, log_chars = log_chars + p_chars
   WHERE id = p_run AND fence = p_fence AND status = 'running' RETURNING next_seq - count INTO first;
  IF NOT FOUND THEN
    RETURN 'lost';
  END IF;
  PERFORM nm_run_write_steps(p_run, p_fence, p_at, p_steps);
  INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
  SELECT r.org_id, p_run, first + e.n - 1, p_at, e.entry->>'kind', e.entry->'data'
    FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS e(entry, n);
  IF p_announce THEN
    PERFORM nm_run_announce_next(r.install_id, r.org_id);
  END IF;
  RETURN 'ended';
END
$$;

-- A run may wait for time to pass.
ALTER TABLE run DROP CONSTRAINT run_waits_reason_check;
ALTER TABLE run ADD CONSTRAINT run_waits_reason_check
  CHECK (waits_reason IN ('approval', 'cluster_offline', 'window', 'run', 'decision', 'time'));
