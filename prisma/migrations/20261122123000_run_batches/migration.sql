-- What the runs of a worker ask for at the same moment goes through the database in one statement: one plan, one round trip, one commit. Each run
-- has its own fence in it, and its own answer.

DROP FUNCTION nm_run_take(text, integer, text, integer, timestamptz);
DROP FUNCTION nm_run_claim(text, text, integer, timestamptz);
DROP FUNCTION nm_run_begin(text, text, integer, timestamptz);
DROP FUNCTION nm_run_facts(text);
DROP FUNCTION nm_run_choose(text, integer, text[]);
DROP FUNCTION nm_run_write(text, integer, integer, timestamptz, jsonb, jsonb, integer);
DROP FUNCTION nm_run_finish(text, integer, timestamptz, jsonb, jsonb, integer, boolean);
DROP FUNCTION nm_run_write_steps(text, integer, timestamptz, jsonb);

-- Who is first of an install is one look, however many wait.
DROP INDEX run_queued_of_install;
CREATE INDEX run_queued_of_install ON run (install_id, (started_at IS NULL), (-priority), created_at, id) WHERE status = 'queued';

-- One message for each run that a statement tells of, not for each of its lines.
DROP TRIGGER run_log_notify ON run_log;
CREATE OR REPLACE FUNCTION nm_run_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nm_run', told.run_id) FROM (SELECT DISTINCT run_id FROM told_of) told;
  RETURN NULL;
END
$$;
CREATE TRIGGER run_log_notify AFTER INSERT ON run_log REFERENCING NEW TABLE AS told_of
  FOR EACH STATEMENT EXECUTE FUNCTION nm_run_notify();

-- Writes a run with its steps, its first event and the request to take it; false when its idempotency key is known on this install.
CREATE FUNCTION nm_run_queue(p_run jsonb, p_steps jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO run (id, org_id, install_id, licence_id, kind, action, title, info, plan, sealed_plan, plan_digest, idempotency_key, timeout_seconds,
                   priority, changing, started_by, schedule_id, parent_id, parent_step, lineage, created_at, status, next_seq)
  SELECT n.id, n."orgId", n."installId", n."licenceId", n.kind, n.action, n.title, n.info, n.plan, decode(n."sealedPlan", 'base64'), n."planDigest",
         n."idempotencyKey", n."timeoutSeconds", n.priority, n.changing, n."startedBy", n."scheduleId", n."parentId", n."parentStep",
         coalesce(n.lineage, '{}'), n."createdAt", 'queued', 2
    FROM jsonb_to_record(p_run) AS n(
           id text, "orgId" text, "installId" text, "licenceId" text, kind text, action text, title text, info text, plan jsonb, "sealedPlan" text,
           "planDigest" text, "idempotencyKey" text, "timeoutSeconds" integer, priority integer, changing boolean, "startedBy" text, "scheduleId" text,
           "parentId" text, "parentStep" integer, lineage text[], "createdAt" timestamptz)
      ON CONFLICT (install_id, idempotency_key) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO run_step (id, org_id, run_id, position, parent, role, kind, title, status)
  SELECT s.id, p_run->>'orgId', p_run->>'id', s.position, s.parent, s.role, s.kind, s.title, 'idle'
    FROM jsonb_to_recordset(p_steps) AS s(id text, position integer, parent integer, role text, kind text, title text);
  INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
  VALUES (p_run->>'orgId', p_run->>'id', 1, (p_run->>'createdAt')::timestamptz, 'status', '{"status": "queued"}');
  INSERT INTO outbox (org_id, topic, payload) VALUES (p_run->>'orgId', 'run', jsonb_build_object('runId', p_run->>'id'));
  RETURN true;
END
$$;

-- Which runs so many free slots should take, the best first; see choose-run.ts. It may give fewer than there are: whoever got none asks again.
CREATE FUNCTION nm_runs_choose(p_asked text[], p_tenant_max integer, p_not text[], p_count integer) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  chosen text[];
  tenants text[];
  depth integer;
BEGIN
  SELECT array_agg(stray.id) INTO chosen
    FROM (SELECT id FROM run WHERE status = 'running' AND lease_until <= clock_timestamp() AND id <> ALL (p_not)
           ORDER BY (id <> ALL (p_asked)), lease_until LIMIT p_count) stray;
  IF chosen IS NOT NULL THEN
    RETURN chosen;
  END IF;
  WITH RECURSIVE tenant AS (
      (SELECT org_id FROM run WHERE status = 'queued' ORDER BY org_id LIMIT 1)
    UNION ALL
      SELECT (SELECT r.org_id FROM run r WHERE r.status = 'queued' AND r.org_id > tenant.org_id ORDER BY r.org_id LIMIT 1)
        FROM tenant WHERE tenant.org_id IS NOT NULL)
  SELECT array_agg(org_id) INTO tenants FROM tenant WHERE org_id IS NOT NULL;
  IF tenants IS NULL THEN
    RETURN NULL;
  END IF;
  -- Of many tenants the first run of each is enough; of few, some more than are wanted, since an install gives one at a time.
  depth := CASE WHEN p_count = 1 OR cardinality(tenants) > 32 THEN 1 ELSE 4 * p_count END;
  WITH share AS (SELECT org_id, count(*) AS slots FROM run WHERE status = 'running' GROUP BY org_id),
  paused AS (SELECT i.id FROM install i JOIN cluster c ON c.id = i.cluster_id WHERE c.paused_at IS NOT NULL),
  ready AS (
    SELECT tenant.org_id, next.*,
           row_number() OVER (PARTITION BY CASE WHEN next.changing THEN next.install_id ELSE next.id END
                              ORDER BY next.turn, next.priority DESC, next.created_at, next.id) AS of_install
      FROM unnest(tenants) AS tenant(org_id)
     CROSS JOIN LATERAL (
       (SELECT 0 AS turn, r.id, r.created_at, r.priority, r.install_id, r.changing FROM run r
         WHERE r.org_id = tenant.org_id AND r.status = 'queued' AND (r.started_at IS NOT NULL OR r.lineage <> '{}')
           AND (NOT r.changing OR NOT EXISTS (
                 SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.org_id = r.org_id AND o.changing
                    AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
                    AND NOT (o.id = ANY (r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY (r.lineage || r.id))))
           AND r.install_id NOT IN (SELECT id FROM paused) AND r.id <> ALL (p_not)
         ORDER BY r.priority DESC, r.created_at, r.id LIMIT depth)
       UNION ALL
       (SELECT 1, r.id, r.created_at, r.priority, r.install_id, r.changing FROM run r
         WHERE r.org_id = tenant.org_id AND r.status = 'queued' AND r.started_at IS NULL AND r.lineage = '{}'
           AND (NOT r.changing OR r.install_id NOT IN (
                 SELECT o.install_id FROM run o WHERE o.org_id = tenant.org_id AND o.changing
                    AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))))
           AND r.install_id NOT IN (SELECT id FROM paused) AND r.id <> ALL (p_not)
         ORDER BY r.priority DESC, r.created_at, r.id LIMIT depth)) next),
  placed AS (
    SELECT id, org_id, created_at,
           row_number() OVER (PARTITION BY org_id ORDER BY turn, priority DESC, created_at, id) AS place
      FROM ready WHERE of_install = 1)
  SELECT array_agg(best.id) INTO chosen
    FROM (SELECT placed.id FROM placed
            JOIN org ON org.id = placed.org_id
            LEFT JOIN share ON share.org_id = placed.org_id
           WHERE coalesce(share.slots, 0) + placed.place <= p_tenant_max
           ORDER BY (coalesce(share.slots, 0) + placed.place - 1)::float8 / org.run_weight, placed.created_at LIMIT p_count) best;
  RETURN chosen;
END
$$;

-- What a worker must know of runs that it wants to claim. The rows stay locked to the end of the transaction.
CREATE FUNCTION nm_runs_facts(p_runs text[])
RETURNS TABLE (id text, status text, "leaseExpired" boolean, busy boolean, behind boolean, paused boolean, away boolean, "awayUntil" timestamptz, windows boolean)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  SELECT r.id, r.status, coalesce(r.lease_until <= clock_timestamp(), true),
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
   WHERE r.id = ANY (p_runs) FOR UPDATE OF r;
END
$$;

-- Fence + 1, a new lease, the deadline with the first claim, and the event; the caller has decided that they may. Gives the runs with their steps.
CREATE FUNCTION nm_runs_begin(p_runs text[], p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS TABLE (id text, run jsonb) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH begun AS (
    UPDATE run r SET status = 'running', fence = r.fence + 1, worker = p_worker, next_seq = r.next_seq + 1,
           lease_until = clock_timestamp() + p_lease_ms * interval '1 ms',
           started_at = coalesce(r.started_at, clock_timestamp()),
           deadline_at = coalesce(r.deadline_at, clock_timestamp() + r.timeout_seconds * interval '1 s')
     WHERE r.id = ANY (p_runs) RETURNING r.*),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT b.org_id, b.id, b.next_seq - 1, p_at, 'status', '{"status": "running"}' FROM begun b)
  SELECT b.id, jsonb_build_object(
           'id', b.id, 'orgId', b.org_id, 'installId', b.install_id, 'licenceId', b.licence_id, 'clusterId', i.cluster_id,
           'namespace', i.namespace, 'kind', b.kind, 'title', b.title, 'action', b.action, 'lineage', b.lineage, 'plan', b.plan,
           'sealedPlan', encode(b.sealed_plan, 'base64'), 'fence', b.fence, 'logChars', b.log_chars, 'cancelRequested', b.cancel_requested_at IS NOT NULL,
           'offlineUntil', b.offline_until, 'ending', b.ending,
           'remainingMs', (extract(epoch FROM b.deadline_at - clock_timestamp()) * 1000)::float8,
           'steps', (SELECT jsonb_agg(jsonb_build_object(
                        'position', s.position, 'parent', s.parent, 'kind', s.kind, 'title', s.title, 'status', s.status,
                        'attempts', s.attempts, 'output', s.output, 'error', s.error, 'finishedAt', s.finished_at,
                        'logChars', s.log_chars) ORDER BY s.position)
                       FROM run_step s WHERE s.run_id = b.id))
    FROM begun b JOIN install i ON i.id = b.install_id;
END
$$;

-- Claims runs where nothing stands in their way; the caller holds the locks of their installs (the same as lockInstall takes). What it claims,
-- decideClaim would let through; of everything else it gives the facts, and leaves it to decideClaim.
CREATE FUNCTION nm_runs_claim(p_runs text[], p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE
  free text[];
  barred jsonb[];
BEGIN
  SELECT array_agg(f.id) FILTER (WHERE f.free), array_agg(f.seen) FILTER (WHERE NOT f.free) INTO free, barred
    FROM (SELECT g.id, may.free, CASE WHEN NOT may.free THEN jsonb_build_object('id', g.id, 'facts', to_jsonb(g) - 'id') END AS seen
            FROM nm_runs_facts(p_runs) g
           CROSS JOIN LATERAL (
             SELECT NOT g.busy AND ((g.status = 'running' AND g."leaseExpired")
                                    OR (g.status = 'queued' AND NOT g.behind AND NOT g.paused AND NOT g.away AND NOT g.windows))) AS may(free)) f;
  IF free IS NOT NULL THEN
    RETURN QUERY SELECT jsonb_build_object('id', b.id, 'run', b.run) FROM nm_runs_begin(free, p_worker, p_lease_ms, p_at) b;
  END IF;
  RETURN QUERY SELECT unnest(barred);
END
$$;

-- The same for one run, under the lock of its install.
CREATE FUNCTION nm_run_claim(p_run text, p_worker text, p_lease_ms integer, p_at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(install_id, 7241)) FROM run WHERE id = p_run;
  RETURN coalesce((SELECT claimed FROM nm_runs_claim(ARRAY[p_run], p_worker, p_lease_ms, p_at) AS claimed), jsonb_build_object('id', p_run));
END
$$;

-- Chooses runs and claims them, one for each that is asked for, or as many as there are. Where another worker decides over the same install at this
-- moment, the next best are taken; only when there are none is it waited for.
CREATE FUNCTION nm_runs_take(p_asked text[], p_tenant_max integer, p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE
  passed text[] := '{}';
  chosen text[];
  free text[];
BEGIN
  FOR i IN 1..8 LOOP
    chosen := nm_runs_choose(p_asked, p_tenant_max, passed, cardinality(p_asked));
    EXIT WHEN chosen IS NULL;
    -- OFFSET 0: no lock is tried of a run that was not chosen, whatever order the planner asks in.
    SELECT array_agg(r.id) INTO free FROM (SELECT id, install_id FROM run WHERE id = ANY (chosen) OFFSET 0) r
     WHERE pg_try_advisory_xact_lock(hashtextextended(r.install_id, 7241));
    IF free IS NOT NULL THEN
      RETURN QUERY SELECT * FROM nm_runs_claim(free, p_worker, p_lease_ms, p_at);
      RETURN;
    END IF;
    passed := passed || chosen;
  END LOOP;
  IF cardinality(passed) > 0 THEN
    RETURN NEXT nm_run_claim(passed[1], p_worker, p_lease_ms, p_at);
  END IF;
END
$$;

-- Writes what has become of steps, and lines of the story, each under its run's fence; renews the leases. Of a run whose fence is another no row comes back.
-- p_items: run, fence, at, chars, entries (kind, data) and steps: position with status, attempt, output, error, chars, each of which may be absent.
CREATE FUNCTION nm_runs_write(p_items jsonb, p_lease_ms integer) RETURNS TABLE (run text, fence integer, "cancelRequested" boolean) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH item AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(p_items) AS i(run text, fence integer, at timestamptz, steps jsonb, entries jsonb, chars integer)),
  held AS (
    UPDATE run r SET next_seq = r.next_seq + jsonb_array_length(i.entries), log_chars = r.log_chars + i.chars,
           lease_until = clock_timestamp() + p_lease_ms * interval '1 ms'
      FROM item i WHERE r.id = i.run AND r.fence = i.fence AND r.status = 'running'
    RETURNING r.id, r.org_id, r.fence, r.next_seq - jsonb_array_length(i.entries) AS first, r.cancel_requested_at IS NOT NULL AS cancel,
              i.at, i.steps, i.entries),
  stepped AS (
    UPDATE run_step s
       SET status = coalesce(d.status, s.status), attempts = coalesce(d.attempt, s.attempts), fence = h.fence,
           started_at = CASE WHEN d.status = 'running' THEN h.at ELSE s.started_at END,
           finished_at = CASE WHEN d.status <> 'running' THEN h.at ELSE s.finished_at END,
           output = coalesce(d.output, s.output), error = coalesce(d.error, s.error), log_chars = s.log_chars + coalesce(d.chars, 0)
      FROM held h, jsonb_to_recordset(h.steps) AS d(position integer, status text, attempt integer, output jsonb, error jsonb, chars integer)
     WHERE s.run_id = h.id AND s.position = d.position),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT h.org_id, h.id, h.first + e.n - 1, h.at, e.entry->>'kind', e.entry->'data'
      FROM held h, jsonb_array_elements(h.entries) WITH ORDINALITY AS e(entry, n))
  SELECT h.id, h.fence, h.cancel FROM held h;
END
$$;

-- Ends runs well, with the last records of their steps. `slow`: more follows from this end than this knows (an install that changes its state, a
-- parent that waits, a step that is still open); nothing is written of that run then. `lost`: the fence is not the run's.
-- p_items: as above, and `announce`: whether the next runs are asked for.
CREATE FUNCTION nm_runs_finish(p_items jsonb) RETURNS TABLE (run text, fence integer, outcome text) LANGUAGE plpgsql AS $$
DECLARE
  ended text[];
  slow text[];
BEGIN
  -- In one order, or two workers would wait for each other.
  PERFORM pg_advisory_xact_lock(install.key)
     FROM (SELECT DISTINCT hashtextextended(r.install_id, 7241) AS key
             FROM jsonb_to_recordset(p_items) AS i(run text) JOIN run r ON r.id = i.run ORDER BY 1) install;
  SELECT array_agg(r.id) INTO slow FROM jsonb_to_recordset(p_items) AS i(run text, steps jsonb) JOIN run r ON r.id = i.run
   WHERE r.kind <> 'action' OR EXISTS (SELECT 1 FROM run p WHERE p.waits_run = r.id AND p.status = 'waiting')
      OR EXISTS (SELECT 1 FROM run_step s WHERE s.run_id = r.id AND s.status = 'running' AND NOT EXISTS (
                   SELECT 1 FROM jsonb_to_recordset(i.steps) AS d(position integer, status text)
                    WHERE d.position = s.position AND d.status <> 'running'));
  WITH item AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(p_items) AS i(run text, fence integer, at timestamptz, steps jsonb, entries jsonb, chars integer)
     WHERE i.run <> ALL (coalesce(slow, '{}'))),
  over AS (
    UPDATE run r SET status = 'positive', error = NULL, finished_at = i.at, lease_until = NULL,
           next_seq = r.next_seq + jsonb_array_length(i.entries), log_chars = r.log_chars + i.chars
      FROM item i WHERE r.id = i.run AND r.fence = i.fence AND r.status = 'running'
    RETURNING r.id, r.org_id, r.fence, r.next_seq - jsonb_array_length(i.entries) AS first, i.at, i.steps, i.entries),
  stepped AS (
    UPDATE run_step s
       SET status = coalesce(d.status, s.status), attempts = coalesce(d.attempt, s.attempts), fence = h.fence,
           started_at = CASE WHEN d.status = 'running' THEN h.at ELSE s.started_at END,
           finished_at = CASE WHEN d.status <> 'running' THEN h.at ELSE s.finished_at END,
           output = coalesce(d.output, s.output), error = coalesce(d.error, s.error), log_chars = s.log_chars + coalesce(d.chars, 0)
      FROM over h, jsonb_to_recordset(h.steps) AS d(position integer, status text, attempt integer, output jsonb, error jsonb, chars integer)
     WHERE s.run_id = h.id AND s.position = d.position),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT h.org_id, h.id, h.first + e.n - 1, h.at, e.entry->>'kind', e.entry->'data'
      FROM over h, jsonb_array_elements(h.entries) WITH ORDINALITY AS e(entry, n))
  SELECT array_agg(h.id || ' ' || h.fence) INTO ended FROM over h;
  PERFORM nm_run_announce_next(r.install_id, r.org_id)
     FROM jsonb_to_recordset(p_items) AS i(run text, fence integer, announce boolean) JOIN run r ON r.id = i.run
    WHERE i.announce AND i.run || ' ' || i.fence = ANY (ended);
  RETURN QUERY
  SELECT i.run, i.fence, CASE WHEN i.run || ' ' || i.fence = ANY (ended) THEN 'ended' WHEN i.run = ANY (slow) THEN 'slow' ELSE 'lost' END
    FROM jsonb_to_recordset(p_items) AS i(run text, fence integer);
END
$$;

-- A few rows by their keys, whatever the planner thinks of JSON's length. And no bitmaps: the entries of runs that were at work a moment ago would be
-- read again each time, where a plain index scan marks them as dead.
ALTER FUNCTION nm_runs_choose(text[], integer, text[], integer) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off;
ALTER FUNCTION nm_runs_facts(text[]) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_runs_begin(text[], text, integer, timestamptz)
  SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_runs_write(jsonb, integer) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_runs_finish(jsonb) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
