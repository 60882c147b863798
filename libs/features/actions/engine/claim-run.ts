import type { Db, Tx } from '@nm/adapters/db';
import { type Run, type RunError, RunPlan, type StepStatus, type WaitReason } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { RunEnd } from '../end-run.js';
import { lockInstall } from '../install-lock.js';
import { clusterAwayText, lookSoon } from '../offline-runs.js';
import { writeJournal } from '../run-journal.js';
import { type ClaimDecision, type ClaimFacts, decideClaim } from '../run-rules.js';
import { nextOpening } from '../schedule/window-times.js';

/** One step as the worker found it. */
export interface ClaimedStep {
  readonly position: number;
  /** The group that holds it, or the step that it undoes. */
  readonly parent: number | undefined;
  readonly kind: string;
  readonly title: string;
  readonly status: StepStatus;
  readonly attempts: number;
  /** What an earlier attempt noted. */
  readonly output: unknown;
  readonly error: RunError | undefined;
  readonly finishedAt: Date | undefined;
  /** Characters of its log that are kept. */
  readonly logChars: number;
}

/** A run that this worker may work on, for as long as nobody has a higher fence. */
export interface ClaimedRun {
  readonly id: string;
  readonly orgId: string;
  readonly installId: string;
  readonly licenceId: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly kind: Run['kind'];
  readonly title: string;
  readonly action: string;
  /** The runs that this one is a part of, the outermost first. */
  readonly lineage: readonly string[];
  readonly plan: RunPlan;
  readonly steps: readonly ClaimedStep[];
  /** The number of this claim; every record of the run's progress checks it. */
  readonly fence: number;
  /** Milliseconds until the run's deadline; negative when it has passed. */
  readonly remainingMs: number;
  readonly cancelRequested: boolean;
  /** Characters of its log that are kept. */
  readonly logChars: number;
  /** So long it may wait for a cluster that is away; undefined while it never had to. */
  readonly offlineUntil: Date | undefined;
  /** Set once the work has failed and is being undone: how the run will end. */
  readonly ending: RunEnd | undefined;
}

export interface ClaimOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Who claims; for people. */
  readonly worker: string;
  readonly leaseMs: number;
}

export type Claim =
  | { readonly decision: 'claim'; readonly run: ClaimedRun }
  | { readonly decision: Exclude<ClaimDecision, 'claim'> };

/**
 * claimRun takes a run for this worker: fence + 1, a new lease, and the deadline with the first claim. Leases and deadlines are in the time
 * of the database, so workers' clocks need not agree. An unknown run counts as ended.
 */
export function claimRun(options: ClaimOptions, runId: string): Promise<Claim> {
  return options.db.asSystem(async (tx): Promise<Claim> => {
    const known = await tx.run.findUnique({ where: { id: runId }, select: { installId: true } });
    if (!known) return { decision: 'ended' };
    await lockInstall(tx, known.installId);
    const facts = await readFacts(tx, runId);
    if (!facts) return { decision: 'ended' };
    const opening = facts.windows ? await nextOpening(tx, known.installId, options.clock.now()) : undefined;
    const decision = decideClaim({ ...facts, closed: opening !== undefined });
    if (decision === 'closed' && opening) await park(tx, options, runId, { reason: 'window', until: opening });
    if (decision === 'away') await park(tx, options, runId, { reason: 'cluster_offline', until: facts.awayUntil });
    if (decision !== 'claim') return { decision };
    return { decision, run: await take(tx, options, runId) };
  });
}

type Facts = Omit<ClaimFacts, 'closed'> & { readonly windows: boolean; readonly awayUntil: Date };

async function readFacts(tx: Tx, runId: string): Promise<Facts | undefined> {
  const [facts] = await tx.$queryRaw<Facts[]>`
    SELECT r.status, coalesce(r.lease_until <= clock_timestamp(), true) AS "leaseExpired",
           r.changing AND EXISTS (
             SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.id <> r.id AND o.changing
                AND (o.status = 'running' OR (o.status = 'waiting' AND o.started_at IS NOT NULL))
                AND NOT (o.id = ANY(r.lineage) AND o.status = 'waiting' AND o.waits_run = ANY(r.lineage || r.id))) AS busy,
           r.changing AND cardinality(r.lineage) = 0 AND EXISTS (
             SELECT 1 FROM run o WHERE o.install_id = r.install_id AND o.status = 'queued' AND o.changing
                AND (o.started_at IS NULL, -o.priority, o.created_at, o.id)
                  < (r.started_at IS NULL, -r.priority, r.created_at, r.id)) AS behind,
           c.paused_at IS NOT NULL AS paused,
           r.started_at IS NULL AND c.health = 'unreachable' AND r.plan ? 'waitForCluster'
             AND coalesce(r.offline_until > clock_timestamp(), true) AS away,
           coalesce(r.offline_until, clock_timestamp() + (r.plan->'waitForCluster'->>'seconds')::int * interval '1 s') AS "awayUntil",
           r.kind = 'action' AND r.parent_id IS NULL AND r.changing AND NOT r.begin_anyway AND r.started_at IS NULL AND EXISTS (
             SELECT 1 FROM maintenance_window w WHERE w.install_id = i.id OR w.cluster_id = i.cluster_id) AS windows
      FROM run r JOIN install i ON i.id = r.install_id JOIN cluster c ON c.id = i.cluster_id
     WHERE r.id = ${runId} FOR UPDATE OF r`;
  return facts;
}

/** park lets a run wait that has not begun: it holds no worker, and no other run of the install waits for it. */
async function park(
  tx: Tx,
  { clock }: ClaimOptions,
  runId: string,
  { reason, until }: { readonly reason: WaitReason; readonly until: Date },
): Promise<void> {
  const forWhat = reason === 'window' ? 'the next maintenance window' : clusterAwayText;
  const { nextSeq, orgId, install } = await tx.run.update({
    where: { id: runId },
    data: {
      ...{ status: 'waiting', waitsFor: forWhat, waitsReason: reason, waitsSince: clock.now(), waitsUntil: until },
      ...(reason === 'cluster_offline' ? { offlineUntil: until } : {}),
      nextSeq: { increment: 1 },
    },
    select: { nextSeq: true, orgId: true, install: { select: { clusterId: true } } },
  });
  const entry = { kind: 'status', data: { status: 'waiting', reason } } as const;
  await writeJournal(tx, { id: runId, orgId }, nextSeq - 1, clock.now(), [entry]);
  if (reason === 'cluster_offline') await lookSoon(tx, [install.clusterId]);
}

async function take(tx: Tx, { clock, worker, leaseMs }: ClaimOptions, runId: string): Promise<ClaimedRun> {
  const [taken] = await tx.$queryRaw<[{ fence: number; firstSeq: number; remainingMs: number }]>`
    UPDATE run SET status = 'running', fence = fence + 1, worker = ${worker}, next_seq = next_seq + 1,
           lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms',
           started_at = coalesce(started_at, clock_timestamp()),
           deadline_at = coalesce(deadline_at, clock_timestamp() + timeout_seconds * interval '1 s')
     WHERE id = ${runId}
    RETURNING fence, next_seq - 1 AS "firstSeq",
              (extract(epoch FROM deadline_at - clock_timestamp()) * 1000)::float8 AS "remainingMs"`;
  const run = await tx.run.findUniqueOrThrow({
    where: { id: runId },
    include: { install: { select: { clusterId: true, namespace: true } } },
  });
  await writeJournal(tx, run, taken.firstSeq, clock.now(), [{ kind: 'status', data: { status: 'running' } }]);
  return {
    id: run.id,
    orgId: run.orgId,
    installId: run.installId,
    clusterId: run.install.clusterId,
    namespace: run.install.namespace,
    kind: run.kind as Run['kind'],
    title: run.title,
    action: run.action,
    licenceId: run.licenceId,
    lineage: run.lineage,
    plan: RunPlan.parse(run.plan),
    steps: await readSteps(tx, runId),
    fence: taken.fence,
    remainingMs: taken.remainingMs,
    cancelRequested: run.cancelRequestedAt !== null,
    logChars: run.logChars,
    offlineUntil: run.offlineUntil ?? undefined,
    ending: (run.ending as RunEnd | null) ?? undefined,
  };
}

/** readSteps gives the rows of a run's plan in their order. */
export async function readSteps(tx: Tx, runId: string): Promise<readonly ClaimedStep[]> {
  const rows = await tx.runStep.findMany({ where: { runId }, orderBy: { position: 'asc' } });
  return rows.map(({ position, parent, kind, title, status, attempts, output, error, finishedAt, logChars }) => ({
    ...{ position, parent: parent ?? undefined, kind, title, status: status as StepStatus, attempts, output, logChars },
    error: (error as RunError | null) ?? undefined,
    finishedAt: finishedAt ?? undefined,
  }));
}
