import type { Db } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';
import { resumeReachable } from '../offline-runs.js';
import { resumeOverdue } from '../resume-run.js';
import type { AdvanceRequest } from './outbox-dispatcher.js';

export interface SweepOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly advance: (requests: readonly AdvanceRequest[]) => Promise<void>;
  /** Told of each run that has lost its worker; see `UrgentLane`. */
  readonly takeUp?: (runId: string) => void;
  readonly onError: (error: unknown) => void;
  readonly everyMs?: number;
}

interface StrayRun {
  readonly id: string;
  readonly status: 'queued' | 'running';
  readonly fence: number;
}

const everyMsDefault = 1_000;
const runsMax = 200;
/** A stray run is asked for again after so long, by whichever sweeper sees it. */
const againMs = { queued: 5_000, running: 2_000 };

/**
 * What nobody works on, by the indexes of what is queued: of each install the first that changes it, for all others wait for that one; those that are a
 * part of another; and those that only look.
 */
const strayStatement = {
  name: 'nm_runs_stray',
  text: `
    WITH RECURSIVE place AS (
        (SELECT install_id FROM run WHERE status = 'queued' ORDER BY install_id LIMIT 1)
      UNION ALL
        SELECT (SELECT r.install_id FROM run r WHERE r.status = 'queued' AND r.install_id > place.install_id ORDER BY r.install_id LIMIT 1)
          FROM place WHERE place.install_id IS NOT NULL),
    ready AS (
      SELECT first.* FROM place CROSS JOIN LATERAL (
        SELECT id, fence, created_at, org_id, install_id, changing, lineage FROM run WHERE install_id = place.install_id AND status = 'queued' AND changing
         ORDER BY (started_at IS NULL), (-priority), created_at, id LIMIT 1) first
      UNION
      SELECT id, fence, created_at, org_id, install_id, changing, lineage FROM run
       WHERE status = 'queued' AND (started_at IS NOT NULL OR lineage <> '{}') AND cardinality(lineage) > 0
      UNION
      SELECT id, fence, created_at, org_id, install_id, changing, lineage FROM run WHERE status = 'queued' AND NOT changing)
    SELECT id, status, fence FROM (
      SELECT id, 'running' AS status, fence, created_at FROM run WHERE status = 'running' AND lease_until <= clock_timestamp()
      UNION ALL
      SELECT id, 'queued', fence, created_at FROM ready r
       WHERE created_at < clock_timestamp() - interval '10 s'
         AND NOT (r.changing AND EXISTS (
               SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.org_id = r.org_id AND o.id <> r.id AND o.changing
                  AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
                  AND NOT (o.id = ANY(r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY(r.lineage || r.id))))) stray
     ORDER BY created_at LIMIT $1`,
};

/** strayRuns lists runs that nobody works on: their worker is gone, or they wait though nothing is in their way. */
export const strayRuns = (db: Db): Promise<StrayRun[]> => db.system<StrayRun>(strayStatement, [runsMax]);

/** sweepRuns asks once for every stray run. The ticket holds the time, so that many sweepers ask once, and again only after a while. */
export async function sweepRuns({ db, clock, advance, takeUp }: SweepOptions): Promise<number> {
  await resumeOverdue(db);
  await resumeReachable(db);
  const stray = await strayRuns(db);
  for (const { id, status } of stray) if (status === 'running') takeUp?.(id);
  const requests = stray.map(({ id, status, fence }) => ({
    runId: id,
    ticket: `s${fence}-${Math.floor(clock.nowMs() / againMs[status])}`,
  }));
  if (requests.length > 0) await advance(requests);
  return stray.length;
}

/** startRunSweeper sweeps every few seconds. It heals what messages lose: a killed worker, an emptied Redis, a lost dispatch. */
export function startRunSweeper(options: SweepOptions): { close(): Promise<void> } {
  const stop = new AbortController();
  const loop = (async () => {
    while (!stop.signal.aborted) {
      await sweepRuns(options).catch(options.onError);
      await options.clock.sleep(options.everyMs ?? everyMsDefault, stop.signal).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      stop.abort();
      await loop;
    },
  };
}
