import type { Db, GroupStatement, Tx } from '@nm/adapters/db';
import { type Run, type RunError, RunPlan, type StepStatus, type WaitReason } from '@nm/kernel/contracts';
import { Fault, hasCode, invariant } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { RunEnd } from '../end-run.js';
import { lockInstall } from '../install-lock.js';
import { clusterAwayText, lookSoon } from '../offline-runs.js';
import { type PlanNode, planNodes } from '../plan/plan-nodes.js';
import { openedPlan, type PlanOwner, type PlanVault, type StoredPlan } from '../plan/sealed-plan.js';
import { writeJournal } from '../run-journal.js';
import { type ClaimDecision, type ClaimFacts, decideClaim } from '../run-rules.js';
import { nextOpening } from '../schedule/window-times.js';
import type { ChooseOptions } from './choose-run.js';

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
  /** Set when nobody can tell what the plan is, which is empty then: the run can only end. */
  readonly unreadable: Fault | undefined;
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
  readonly vault: PlanVault;
  /** Who claims; for people. */
  readonly worker: string;
  readonly leaseMs: number;
}

export type Claim =
  | { readonly decision: 'claim'; readonly run: ClaimedRun }
  | { readonly decision: Exclude<ClaimDecision, 'claim'> };

const claimStatement = { name: 'nm_run_claim', text: 'SELECT * FROM nm_run_claim($1, $2, $3, $4)' };

interface TakeCall {
  readonly askedFor: string;
  readonly options: ClaimOptions & Pick<ChooseOptions, 'tenantRunsMax'>;
}

/** What a slot that asks for a run is told. */
export interface Taken {
  readonly found: Found | undefined;
  /** There was something to take for others that asked: there may be more. */
  readonly others: boolean;
}

/** Those who ask at the same moment are slots of one worker, which differ in nothing but what they were asked for. */
const takeStatement: GroupStatement<TakeCall, Found, Taken> = {
  name: 'nm_runs_take',
  text: 'SELECT * FROM nm_runs_take($1, $2, $3, $4, $5)',
  values: (asked) => {
    const [first] = asked;
    invariant(first, 'somebody asks');
    const { clock, worker, leaseMs, tenantRunsMax } = first.options;
    return [asked.map(({ askedFor }) => askedFor), tenantRunsMax, worker, leaseMs, clock.now()];
  },
  answers: (asked, rows) => asked.map((_, i) => ({ found: rows[i], others: rows.length > 0 })),
};

/**
 * claimRun takes a run for this worker: fence + 1, a new lease, and the deadline with the first claim. Leases and deadlines are in the time
 * of the database, so workers' clocks need not agree. An unknown run counts as ended.
 */
export async function claimRun(options: ClaimOptions, runId: string): Promise<Claim> {
  const { db, clock, worker, leaseMs } = options;
  const [found] = await db.system<Found>(claimStatement, [runId, worker, leaseMs, clock.now()]);
  return found ? claimOf(options, found) : { decision: 'ended' };
}

/**
 * takeRun chooses a run as `chooseRun` does and claims it, in one statement for all slots that ask at the same moment. What it chose may have been taken by another worker at that moment: the claim says so.
 * @param taken what was found for the slot already
 * @returns undefined when there is nothing that this worker may take
 */
export async function takeRun(
  options: ClaimOptions & Pick<ChooseOptions, 'tenantRunsMax'>,
  askedFor: string,
  taken?: Taken,
): Promise<{ readonly runId: string; readonly claim: Claim } | undefined> {
  for (let told = taken; ; told = undefined) {
    const { found, others } = told ?? (await options.db.together(takeStatement, { askedFor, options }));
    if (found) return { runId: found.id, claim: await claimOf(options, found) };
    if (!others) return undefined;
  }
}

/** What the database's functions say of a run: that it is claimed, or, and nothing else then, what may stand in the way (`nm_run_said`). */
export type Found = ClaimedRow | (Pick<ClaimedRow, 'id'> & { readonly facts: Facts });

async function claimOf(options: ClaimOptions, found: Found): Promise<Claim> {
  if (!found.facts) return { decision: 'claim', run: await claimedRun(options, found) };
  const { id, facts } = found;
  const decision = decideClaim({ ...facts, closed: facts.windows });
  // A window may be open, and what parks a run is written down: that is decided under the install's lock.
  if (decision === 'claim' || decision === 'away' || decision === 'closed') return claimSlowly(options, id);
  return { decision };
}

function claimSlowly(options: ClaimOptions, runId: string): Promise<Claim> {
  return options.db.asSystem(async (tx): Promise<Claim> => {
    const known = await tx.run.findUnique({ where: { id: runId }, select: { installId: true } });
    if (!known) return { decision: 'ended' };
    await lockInstall(tx, known.installId);
    const [facts] = await tx.$queryRaw<Facts[]>`SELECT * FROM nm_runs_facts(ARRAY[${runId}])`;
    if (!facts) return { decision: 'ended' };
    const opening = facts.windows ? await nextOpening(tx, known.installId, options.clock.now()) : undefined;
    const decision = decideClaim({ ...facts, closed: opening !== undefined });
    if (decision === 'closed' && opening) await park(tx, options, runId, { reason: 'window', until: opening });
    if (decision === 'away') await park(tx, options, runId, { reason: 'cluster_offline', until: facts.awayUntil });
    if (decision !== 'claim') return { decision };
    const { worker, leaseMs, clock } = options;
    const [begun] = await tx.$queryRaw<ClaimedRow[]>`
      SELECT * FROM nm_runs_begin(ARRAY[${runId}], ${worker}, ${leaseMs}::int, ${clock.now()})`;
    invariant(begun, `run ${runId} is there to begin`);
    return { decision, run: await claimedRun(options, begun) };
  });
}

type Facts = Omit<ClaimFacts, 'closed'> & { readonly windows: boolean; readonly awayUntil: Date };

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

/** A claimed run as `nm_runs_begin` gives it. */
type ClaimedRow = Omit<ClaimedRun, 'steps' | 'offlineUntil' | 'ending' | 'plan' | 'unreadable'> & {
  readonly facts: null;
  readonly plan: unknown;
  /** In base64. */
  readonly sealedPlan: string | null;
  readonly offlineUntil: Date | null;
  readonly ending: RunEnd | null;
  /** Null when nobody has written anything of them: they are as planned. */
  readonly steps: readonly StepRow[] | null;
};

interface StepRow {
  readonly position: number;
  readonly parent: number | null;
  readonly kind: string;
  readonly title: string;
  readonly status: string;
  readonly attempts: number;
  readonly output: unknown;
  readonly error: unknown;
  readonly finishedAt: string | Date | null;
  readonly logChars: number;
}

async function claimedRun({ vault }: ClaimOptions, row: ClaimedRow): Promise<ClaimedRun> {
  const { id, orgId, installId, licenceId, clusterId, namespace, kind, title, action, lineage } = row;
  const { fence, remainingMs, cancelRequested, logChars } = row;
  const sealedPlan = row.sealedPlan === null ? null : Buffer.from(row.sealedPlan, 'base64');
  const { plan, unreadable } = await readablePlan(vault, { plan: row.plan, sealedPlan }, ['run', orgId, id]);
  return {
    ...{ id, orgId, installId, licenceId, clusterId, namespace, kind, title, action, lineage },
    ...{ fence, remainingMs, cancelRequested, logChars, plan, unreadable },
    offlineUntil: row.offlineUntil ?? undefined,
    ending: row.ending ?? undefined,
    steps: row.steps?.map(stepOf) ?? planNodes(plan).map(plannedStep),
  };
}

/** A step that nobody has begun. */
const plannedStep = ({ position, parent, step }: PlanNode): ClaimedStep => ({
  ...{ position, parent, kind: step.kind, title: step.title },
  ...{ status: 'idle', attempts: 0, output: null, error: undefined, finishedAt: undefined, logChars: 0 },
});

/** A plan whose key is lost never opens again, and one of a form that is not known any more is never understood: claiming the run again would not help. */
async function readablePlan(
  vault: PlanVault,
  stored: StoredPlan,
  owner: PlanOwner,
): Promise<Pick<ClaimedRun, 'plan' | 'unreadable'>> {
  const unreadable = (cause: unknown) => ({
    plan: { steps: [] },
    unreadable: new Fault('plan_unreadable', { cause }),
  });
  try {
    const plan = RunPlan.safeParse(await openedPlan(vault, stored, owner));
    return plan.success ? { plan: plan.data, unreadable: undefined } : unreadable(plan.error);
  } catch (cause) {
    if (hasCode(cause, 'seal_broken')) return unreadable(cause);
    throw cause;
  }
}

const stepOf = ({ parent, status, error, finishedAt, ...step }: StepRow): ClaimedStep => ({
  ...step,
  parent: parent ?? undefined,
  status: status as StepStatus,
  error: (error as RunError | null) ?? undefined,
  finishedAt: finishedAt === null ? undefined : new Date(finishedAt),
});

/** readSteps gives the rows of a run's plan in their order. */
export async function readSteps(tx: Tx, runId: string): Promise<readonly ClaimedStep[]> {
  const rows = await tx.runStep.findMany({
    where: { runId },
    orderBy: { position: 'asc' },
    omit: { id: true, orgId: true, runId: true, role: true, fence: true, startedAt: true, decision: true },
  });
  return rows.map(stepOf);
}
