import type { Db } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';

const dayMs = 86_400_000;
/** Decisions are kept this long, to be explained. */
const decisionMsMax = 30 * dayMs;
/** What was changed on a cluster through the proxy is shown this long, and so are the tokens by which it was. */
const clusterCallMsMax = 30 * dayMs;
/** Sessions that are over are kept a day, for whoever asks where a seat went. */
const sessionMsMax = dayMs;
/** Rows of one transaction: none takes long, and gateways write in between. */
const batchRows = 5_000;
/** Batches of one sweep; what is left waits for the next. */
const batchesMax = 200;

type Deps = { readonly db: Db; readonly clock: Clock };

/** sweepEvidence deletes decisions, recorded calls to clusters, and ended tokens and sessions that are too old. @returns how many rows */
export async function sweepEvidence({ db, clock }: Deps): Promise<number> {
  const decisionsBefore = new Date(clock.nowMs() - decisionMsMax);
  const sessionsBefore = new Date(clock.nowMs() - sessionMsMax);
  const decisions = await inBatches((take) =>
    db.asSystem(
      (tx) => tx.$executeRaw`
        DELETE FROM decision_sample WHERE id IN (SELECT id FROM decision_sample WHERE at < ${decisionsBefore} LIMIT ${take})`,
    ),
  );
  const sessions = await inBatches((take) =>
    db.asSystem(
      (tx) => tx.$executeRaw`
        DELETE FROM licence_presence
        WHERE id IN (SELECT id FROM licence_presence WHERE least(expires_at, ended_at) < ${sessionsBefore} LIMIT ${take})`,
    ),
  );
  return decisions + sessions + (await sweepClusterEvidence({ db, clock }));
}

async function sweepClusterEvidence({ db, clock }: Deps): Promise<number> {
  const before = new Date(clock.nowMs() - clusterCallMsMax);
  const calls = await inBatches((take) =>
    db.asSystem(
      (tx) => tx.$executeRaw`
        DELETE FROM cluster_call WHERE id IN (SELECT id FROM cluster_call WHERE at < ${before} LIMIT ${take})`,
    ),
  );
  const tokens = await inBatches((take) =>
    db.asSystem(
      (tx) => tx.$executeRaw`
        DELETE FROM install_token WHERE id IN (SELECT id FROM install_token WHERE expires_at < ${before} LIMIT ${take})`,
    ),
  );
  return calls + tokens;
}

async function inBatches(remove: (take: number) => Promise<number>): Promise<number> {
  let removed = 0;
  for (let batch = 0; batch < batchesMax; batch++) {
    const count = await remove(batchRows);
    removed += count;
    if (count < batchRows) break;
  }
  return removed;
}

export interface EvidenceSweeper {
  close(): Promise<void>;
}

const everyMsDefault = 600_000;

/** startEvidenceSweeper sweeps now and every ten minutes until it is closed. Several workers may do so at once. */
export function startEvidenceSweeper(
  deps: Deps & { readonly onError: (error: unknown) => void; readonly everyMs?: number },
): EvidenceSweeper {
  const { clock, onError, everyMs = everyMsDefault } = deps;
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await sweepEvidence(deps).catch(onError);
      await clock.sleep(everyMs, stop.signal).catch(() => undefined);
    }
  };
  const running = run();
  return {
    close: () => {
      stop.abort();
      return running;
    },
  };
}
