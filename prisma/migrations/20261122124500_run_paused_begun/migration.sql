-- A cluster that is paused keeps runs from beginning. What has begun goes on, also after it has waited: it was held back by the pause, and a request to
-- cancel it was not heard. The two functions are as they were but for that.

CREATE OR REPLACE FUNCTION nm_runs_choose(p_asked text[], p_tenant_max integer, p_not text[], p_count integer) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
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
           AND r.id <> ALL (p_not)
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

CREATE OR REPLACE FUNCTION nm_runs_facts(p_runs text[])
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
         c.paused_at IS NOT NULL AND r.started_at IS NULL AND r.lineage = '{}',
         r.started_at IS NULL AND c.health = 'unreachable' AND r.plan ? 'waitForCluster'
           AND coalesce(r.offline_until > clock_timestamp(), true),
         coalesce(r.offline_until, clock_timestamp() + (r.plan->'waitForCluster'->>'seconds')::int * interval '1 s'),
         r.kind = 'action' AND r.parent_id IS NULL AND r.changing AND NOT r.begin_anyway AND r.started_at IS NULL AND EXISTS (
           SELECT 1 FROM maintenance_window w WHERE w.install_id = i.id OR w.cluster_id = i.cluster_id)
    FROM run r JOIN install i ON i.id = r.install_id JOIN cluster c ON c.id = i.cluster_id
   WHERE r.id = ANY (p_runs) FOR UPDATE OF r;
END
$$;
