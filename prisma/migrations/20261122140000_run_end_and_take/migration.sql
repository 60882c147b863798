-- A slot that ends a run takes the next in the same statement; and a step that only looks is written when it has ended, with the time at which it began.

CREATE OR REPLACE FUNCTION nm_runs_write(p_items jsonb, p_lease_ms integer) RETURNS TABLE (run text, fence integer, "cancelRequested" boolean) LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION nm_runs_finish(p_items jsonb) RETURNS TABLE (run text, fence integer, outcome text) LANGUAGE plpgsql AS $$
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
           started_at = coalesce(d."startedAt", s.started_at),
           finished_at = CASE WHEN d.status <> 'running' THEN h.at ELSE s.finished_at END,
           output = coalesce(d.output, s.output), error = coalesce(d.error, s.error), log_chars = s.log_chars + coalesce(d.chars, 0)
      FROM over h, jsonb_to_recordset(h.steps) AS d(position integer, status text, attempt integer, "startedAt" timestamptz, output jsonb, error jsonb, chars integer)
     WHERE s.run_id = h.id AND s.position = d.position),
  told AS (
    INSERT INTO run_log (org_id, run_id, seq, at, kind, data)
    SELECT h.org_id, h.id, h.first + e.n - 1, h.at, e.entry->>'kind', e.entry->'data'
      FROM over h, jsonb_array_elements(h.entries) WITH ORDINALITY AS e(entry, n))
  SELECT array_agg(h.id || ' ' || h.fence) INTO ended FROM over h;
  IF p_items @? '$[*] ? (@.announce == true)' THEN
    PERFORM nm_run_announce_next(r.install_id, r.org_id)
       FROM jsonb_to_recordset(p_items) AS i(run text, fence integer, announce boolean) JOIN run r ON r.id = i.run
      WHERE i.announce AND i.run || ' ' || i.fence = ANY (ended);
  END IF;
  RETURN QUERY
  SELECT i.run, i.fence, CASE WHEN i.run || ' ' || i.fence = ANY (ended) THEN 'ended' WHEN i.run = ANY (slow) THEN 'slow' ELSE 'lost' END
    FROM jsonb_to_recordset(p_items) AS i(run text, fence integer);
END
$$;

-- Ends runs as nm_runs_finish does, and for each of p_takers that has ended chooses and claims another as nm_runs_take does: with the end, or not at all.
-- The rows of the ends come first, then those of what was seen. One that says nothing: there may be something, for who asks again.
CREATE FUNCTION nm_runs_end_and_take(p_items jsonb, p_takers text[], p_tenant_max integer, p_worker text, p_lease_ms integer, p_at timestamptz)
RETURNS TABLE (run text, fence integer, outcome text, seen jsonb) LANGUAGE plpgsql AS $$
DECLARE
  asked text[];
  chosen text[];
  free text[];
BEGIN
  FOR run, fence, outcome IN SELECT f.run, f.fence, f.outcome FROM nm_runs_finish(p_items) f LOOP
    RETURN NEXT;
    IF outcome = 'ended' AND run = ANY (p_takers) THEN
      asked := asked || run;
    END IF;
  END LOOP;
  IF asked IS NULL THEN
    RETURN;
  END IF;
  chosen := nm_runs_choose(asked, p_tenant_max, '{}', cardinality(asked));
  IF chosen IS NULL THEN
    RETURN;
  END IF;
  run := NULL;
  fence := NULL;
  outcome := NULL;
  -- As in nm_runs_take. But no lock is waited for while others are held.
  SELECT array_agg(r.id) INTO free FROM (SELECT o.id, o.install_id FROM run o WHERE o.id = ANY (chosen) OFFSET 0) r
   WHERE pg_try_advisory_xact_lock(hashtextextended(r.install_id, 7241));
  IF free IS NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;
  FOR seen IN SELECT * FROM nm_runs_claim(free, p_worker, p_lease_ms, p_at) LOOP
    RETURN NEXT;
  END LOOP;
END
$$;

-- Who may begin next is the first entry of an index. Planned by what a new table's statistics said, it was all that wait, sorted, at each end.
CREATE OR REPLACE FUNCTION nm_run_announce_next(p_install text, p_org text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (org_id, topic, payload)
  SELECT p_org, 'run', jsonb_build_object('runId', id)
    FROM ((SELECT 0 AS turn, id FROM run WHERE install_id = p_install AND status = 'queued'
            ORDER BY (started_at IS NULL), (-priority), created_at, id LIMIT 1)
          UNION ALL
          (SELECT 1, id FROM run WHERE org_id = p_org AND status = 'queued' ORDER BY priority DESC, created_at, id LIMIT 1)) next
   GROUP BY id ORDER BY min(turn);
END
$$;

-- CREATE OR REPLACE takes a function's settings away (why they are: run_batches).
ALTER FUNCTION nm_runs_write(jsonb, integer) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_runs_finish(jsonb) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
ALTER FUNCTION nm_run_announce_next(text, text) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_sort = off;
