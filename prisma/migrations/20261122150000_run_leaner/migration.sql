-- A claimed run comes back as columns. As JSON within JSON it cost more than the claim itself.

DROP FUNCTION nm_runs_end_and_take(jsonb, text[], integer, text, integer, timestamptz);
DROP FUNCTION nm_runs_take(text[], integer, text, integer, timestamptz);
DROP FUNCTION nm_run_claim(text, text, integer, timestamptz);
DROP FUNCTION nm_runs_claim(text[], text, integer, timestamptz);
DROP FUNCTION nm_runs_begin(text[], text, integer, timestamptz);
DROP FUNCTION nm_runs_finish(jsonb);

-- What is said of a run to the worker that asked: `outcome` when it has ended, `facts` when it was seen and cannot be claimed as it is; else it is claimed.
-- No id: there may be something, for who asks again. `steps` only when somebody may have written to their rows before: they are as planned otherwise.
CREATE TYPE nm_run_said AS (
  id text, fence integer, outcome text, facts jsonb, "orgId" text, "installId" text, "licenceId" text, "clusterId" text, namespace text, kind text,
  title text, action text, lineage text[], plan jsonb, "sealedPlan" text, "logChars" integer, "cancelRequested" boolean, "offlineUntil" timestamptz,
  ending jsonb, "remainingMs" float8, steps jsonb);

-- Fence + 1, a new lease, the deadline with the first claim, and the event; the caller has decided that they may.
CREATE FUNCTION nm_runs_begin(p_runs text[], p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS SETOF nm_run_said LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH begun AS (
    UPDATE run r SET status = 'running', fence = r.fence + 1, worker = p_worker, next_seq = r.next_seq + 1,
           lease_until = clock_timestamp() + p_lease_ms * interval '1 ms',
           started_at = coalesce(r.started_at, clock_timestamp()),
           deadline_at = coalesce(r.deadline_at, clock_timestamp() + r.timeout_seconds * interval '1 s')
      FROM install i WHERE r.id = ANY (p_runs) AND i.id = r.install_id
    RETURNING r.id, r.fence, r.org_id, r.install_id, r.licence_id, i.cluster_id, i.namespace, r.kind, r.title, r.action, r.lineage, r.plan, r.sealed_plan,
              r.log_chars, r.cancel_requested_at, r.offline_until, r.ending, r.deadline_at, r.retry_of, r.next_seq),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT b.org_id, b.id, b.next_seq - 1, p_at, 'status', '{"status": "running"}' FROM begun b)
  SELECT b.id, b.fence, NULL::text, NULL::jsonb, b.org_id, b.install_id, b.licence_id, b.cluster_id, b.namespace, b.kind,
         b.title, b.action, b.lineage, b.plan, encode(b.sealed_plan, 'base64'), b.log_chars, b.cancel_requested_at IS NOT NULL, b.offline_until::timestamptz,
         b.ending, (extract(epoch FROM b.deadline_at - clock_timestamp()) * 1000)::float8,
         CASE WHEN b.fence > 1 OR b.retry_of IS NOT NULL THEN
           (SELECT jsonb_agg(jsonb_build_object(
                     'position', s.position, 'parent', s.parent, 'kind', s.kind, 'title', s.title, 'status', s.status,
                     'attempts', s.attempts, 'output', s.output, 'error', s.error, 'finishedAt', s.finished_at,
                     'logChars', s.log_chars) ORDER BY s.position)
              FROM run_step s WHERE s.run_id = b.id)
         END
    FROM begun b;
END
$$;

-- Claims runs where nothing stands in their way; the caller holds the locks of their installs (the same as lockInstall takes). What it claims,
-- decideClaim would let through; of everything else it gives the facts, and leaves it to decideClaim.
CREATE FUNCTION nm_runs_claim(p_runs text[], p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS SETOF nm_run_said LANGUAGE plpgsql AS $$
DECLARE
  free text[];
  barred jsonb[];
BEGIN
  SELECT array_agg(f.id) FILTER (WHERE f.free), array_agg(f.seen) FILTER (WHERE NOT f.free) INTO free, barred
    FROM (SELECT g.id, may.free, CASE WHEN NOT may.free THEN to_jsonb(g) END AS seen
            FROM nm_runs_facts(p_runs) g
           CROSS JOIN LATERAL (
             SELECT NOT g.busy AND ((g.status = 'running' AND g."leaseExpired")
                                    OR (g.status = 'queued' AND NOT g.behind AND NOT g.paused AND NOT g.away AND NOT g.windows))) AS may(free)) f;
  IF free IS NOT NULL THEN
    RETURN QUERY SELECT * FROM nm_runs_begin(free, p_worker, p_lease_ms, p_at);
  END IF;
  IF barred IS NOT NULL THEN
    RETURN QUERY SELECT (jsonb_populate_record(NULL::nm_run_said, jsonb_build_object('id', b->'id', 'facts', b - 'id'))).* FROM unnest(barred) b;
  END IF;
END
$$;

-- The same for one run, under the lock of its install. Nothing when there is no such run.
CREATE FUNCTION nm_run_claim(p_run text, p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS SETOF nm_run_said LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(install_id, 7241)) FROM run WHERE run.id = p_run;
  RETURN QUERY SELECT * FROM nm_runs_claim(ARRAY[p_run], p_worker, p_lease_ms, p_at);
END
$$;

-- Chooses runs and claims them, one for each that is asked for, or as many as there are. Where another worker decides over the same install at this
-- moment, the next best are taken; only when there are none is it waited for.
CREATE FUNCTION nm_runs_take(p_asked text[], p_tenant_max integer, p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS SETOF nm_run_said LANGUAGE plpgsql AS $$
DECLARE
  passed text[] := '{}';
  chosen text[];
  free text[];
BEGIN
  FOR i IN 1..8 LOOP
    chosen := nm_runs_choose(p_asked, p_tenant_max, passed, cardinality(p_asked));
    EXIT WHEN chosen IS NULL;
    -- OFFSET 0: no lock is tried of a run that was not chosen, whatever order the planner asks in.
    SELECT array_agg(r.id) INTO free FROM (SELECT o.id, o.install_id FROM run o WHERE o.id = ANY (chosen) OFFSET 0) r
     WHERE pg_try_advisory_xact_lock(hashtextextended(r.install_id, 7241));
    IF free IS NOT NULL THEN
      RETURN QUERY SELECT * FROM nm_runs_claim(free, p_worker, p_lease_ms, p_at);
      RETURN;
    END IF;
    passed := passed || chosen;
  END LOOP;
  IF cardinality(passed) > 0 THEN
    RETURN QUERY SELECT * FROM nm_run_claim(passed[1], p_worker, p_lease_ms, p_at);
  END IF;
END
$$;

-- Writes what has become of steps, and lines of the story, each under its run's fence; renews the leases, and ends well the runs that `end`. Nothing is
-- written and no row comes back of a run whose fence is another, nor of one that is to end when more follows from that than this knows: an install that
-- changes its state, a parent that waits, a step that is still open.
-- p_items: run, fence, at, chars, entries (kind, data) and steps: position with status, attempt, startedAt, output, error, chars, each of which may be absent.
CREATE OR REPLACE FUNCTION nm_runs_write(p_items jsonb, p_lease_ms integer) RETURNS TABLE (run text, fence integer, "cancelRequested" boolean) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH item AS MATERIALIZED (
    SELECT i.*, coalesce(i."end", false) AS ends FROM jsonb_to_recordset(p_items)
        AS i(run text, fence integer, at timestamptz, steps jsonb, entries jsonb, chars integer, "end" boolean)),
  held AS (
    UPDATE run r SET next_seq = r.next_seq + jsonb_array_length(i.entries), log_chars = r.log_chars + i.chars,
           status = CASE WHEN i.ends THEN 'positive' ELSE r.status END,
           error = CASE WHEN i.ends THEN NULL ELSE r.error END,
           finished_at = CASE WHEN i.ends THEN i.at ELSE r.finished_at END,
           lease_until = CASE WHEN i.ends THEN NULL ELSE clock_timestamp() + p_lease_ms * interval '1 ms' END
      FROM item i WHERE r.id = i.run AND r.fence = i.fence AND r.status = 'running'
       -- One by one: as EXISTS they might be planned as reads of all that waits.
       AND (NOT i.ends OR (
             r.kind = 'action'
             AND (SELECT true FROM run p WHERE p.waits_run = r.id AND p.status = 'waiting' LIMIT 1) IS NULL
             AND (SELECT true FROM run_step s WHERE s.run_id = r.id AND s.status = 'running' AND NOT EXISTS (
                    SELECT 1 FROM jsonb_to_recordset(i.steps) AS d(position integer, status text)
                     WHERE d.position = s.position AND d.status <> 'running') LIMIT 1) IS NULL))
    RETURNING r.id, r.org_id, r.fence, r.next_seq - jsonb_array_length(i.entries) AS first, r.cancel_requested_at IS NOT NULL AS cancel,
              i.at, i.steps, i.entries),
  stepped AS (
    UPDATE run_step s
       SET status = coalesce(d.status, s.status), attempts = coalesce(d.attempt, s.attempts), fence = h.fence,
           started_at = coalesce(d."startedAt", s.started_at),
           finished_at = CASE WHEN d.status <> 'running' THEN h.at ELSE s.finished_at END,
           output = coalesce(d.output, s.output), error = coalesce(d.error, s.error), log_chars = s.log_chars + coalesce(d.chars, 0)
      FROM held h, jsonb_to_recordset(h.steps) AS d(position integer, status text, attempt integer, "startedAt" timestamptz, output jsonb, error jsonb, chars integer)
     WHERE s.run_id = h.id AND s.position = d.position),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT h.org_id, h.id, h.first + e.n - 1, h.at, e.entry->>'kind', e.entry->'data'
      FROM held h, jsonb_array_elements(h.entries) WITH ORDINALITY AS e(entry, n))
  SELECT h.id, h.fence, h.cancel FROM held h;
END
$$;

-- Ends runs well, with the last records of their steps; and for each of p_takers that has ended chooses and claims another as nm_runs_take does: with the
-- end, or not at all. Each end has an outcome: `slow` when more follows from it, and nothing is written; `lost` when the fence is not the run's.
-- p_items: as in nm_runs_write, each with `end`, and `announce`: whether the next runs are asked for. p_installs: those of the runs.
CREATE FUNCTION nm_runs_end_and_take(
  p_items jsonb, p_installs text[], p_takers text[], p_tenant_max integer, p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS SETOF nm_run_said LANGUAGE plpgsql AS $$
DECLARE
  ended text[];
  said nm_run_said;
  asked text[];
  chosen text[];
  free text[];
BEGIN
  -- In one order, or two workers would wait for each other.
  PERFORM pg_advisory_xact_lock(install.key)
     FROM (SELECT DISTINCT hashtextextended(i, 7241) AS key FROM unnest(p_installs) i ORDER BY 1) install;
  SELECT array_agg(w.run || ' ' || w.fence) INTO ended FROM nm_runs_write(p_items, p_lease_ms) w;
  FOR said.id, said.fence, said.outcome IN
    SELECT i.run, i.fence, CASE WHEN i.run || ' ' || i.fence = ANY (ended) THEN 'ended'
             WHEN EXISTS (SELECT 1 FROM run r WHERE r.id = i.run AND r.fence = i.fence AND r.status = 'running') THEN 'slow' ELSE 'lost' END
      FROM jsonb_to_recordset(p_items) AS i(run text, fence integer) LOOP
    RETURN NEXT said;
    IF said.outcome = 'ended' AND said.id = ANY (p_takers) THEN
      asked := asked || said.id;
    END IF;
  END LOOP;
  IF p_items @? '$[*] ? (@.announce == true)' THEN
    PERFORM nm_run_announce_next(r.install_id, r.org_id)
       FROM jsonb_to_recordset(p_items) AS i(run text, fence integer, announce boolean) JOIN run r ON r.id = i.run
      WHERE i.announce AND i.run || ' ' || i.fence = ANY (ended);
  END IF;
  IF asked IS NULL THEN
    RETURN;
  END IF;
  chosen := nm_runs_choose(asked, p_tenant_max, '{}', cardinality(asked));
  IF chosen IS NULL THEN
    RETURN;
  END IF;
  -- As in nm_runs_take. But no lock is waited for while others are held.
  SELECT array_agg(r.id) INTO free FROM (SELECT o.id, o.install_id FROM run o WHERE o.id = ANY (chosen) OFFSET 0) r
   WHERE pg_try_advisory_xact_lock(hashtextextended(r.install_id, 7241));
  IF free IS NULL THEN
    said := NULL;
    RETURN NEXT said;
    RETURN;
  END IF;
  RETURN QUERY SELECT * FROM nm_runs_claim(free, p_worker, p_lease_ms, p_at);
END
$$;

-- Each of a plan's steps is written once or twice, and those of runs that go at the same time lie together: with room for that beside them, no index is touched.
ALTER TABLE run_step SET (fillfactor = 50);

-- CREATE OR REPLACE takes a function's settings away (why they are: run_batches).
ALTER FUNCTION nm_runs_begin(text[], text, integer, timestamptz)
  SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_runs_write(jsonb, integer) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
