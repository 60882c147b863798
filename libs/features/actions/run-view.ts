import type { Tx } from '@nm/adapters/db';
import {
  type ProgressNode,
  type Run,
  type RunError,
  type RunEvent,
  type RunLogLine,
  type RunStep,
  type RunSummary,
  type StepDecision,
  WaitReason,
} from '@nm/kernel/contracts';
import { nodeStatusOf } from './run-rules.js';

export type RunRow = NonNullable<Awaited<ReturnType<Tx['run']['findUnique']>>>;
export type StepRow = NonNullable<Awaited<ReturnType<Tx['runStep']['findUnique']>>>;
export type LogRow = NonNullable<Awaited<ReturnType<Tx['runLog']['findFirst']>>>;

const iso = (name: string, at: Date | null): Record<string, string> => (at ? { [name]: at.toISOString() } : {});
const errorOf = (row: { readonly error: unknown }): RunError | undefined => (row.error as RunError | null) ?? undefined;

export const summaryOf = (run: RunRow): RunSummary => ({
  id: run.id,
  installId: run.installId,
  kind: run.kind,
  action: run.action,
  title: run.title,
  status: run.status as Run['status'],
  startedBy: run.startedBy,
  ...(run.scheduleId === null ? {} : { scheduleId: run.scheduleId }),
  createdAt: run.createdAt.toISOString(),
  ...iso('startedAt', run.startedAt),
  ...iso('finishedAt', run.finishedAt),
});

/** RunParts is what belongs to a run beside its row. */
export interface RunParts {
  readonly steps: readonly StepRow[];
  /** Its newest log rows, oldest first. */
  readonly logs: readonly LogRow[];
  readonly changes: Run['changes'];
  readonly queue: Run['queue'];
  /** Progress of the runs that are steps of this one, by their ids. */
  readonly children: ReadonlyMap<string, ProgressNode>;
}

/** runView is what a client may see of a run. */
export function runView(run: RunRow, { steps, logs, changes, children, queue }: RunParts): Run {
  const lines = logs.flatMap(linesOf);
  const error = errorOf(run);
  return {
    ...summaryOf(run),
    kind: run.kind as Run['kind'],
    ...(error ? { error } : {}),
    progress: progressOf(run, steps, lines, children),
    percent: percentOf(run, steps),
    steps: steps.map(stepOf),
    logs: lines,
    changing: run.changing,
    ...iso('cancelRequestedAt', run.cancelRequestedAt),
    changes,
    ...(run.retryOf === null ? {} : { retryOf: run.retryOf }),
    ...(run.parentId === null ? {} : { parent: { run: run.parentId, step: run.parentStep ?? 0 } }),
    ...(queue ? { queue } : {}),
    ...waitingOf(run, steps),
  };
}

export const eventOf = (row: LogRow): RunEvent => ({
  seq: row.seq,
  at: row.at.toISOString(),
  kind: row.kind as RunEvent['kind'],
  data: row.data as RunEvent['data'],
});

/** A row holds a chunk: lines that were said about the same time. */
export function linesOf(row: LogRow): RunLogLine[] {
  const { line: chunk, step } = row.data as { line: string; step?: number };
  const common = { seq: row.seq, at: row.at.toISOString(), ...(step === undefined ? {} : { step }) };
  return chunk.split('\n').map((line) => ({ ...common, line }));
}

function stepOf(step: StepRow): RunStep {
  const error = errorOf(step);
  return {
    id: step.id,
    position: step.position,
    ...(step.parent === null ? {} : { parent: step.parent }),
    role: step.role as RunStep['role'],
    kind: step.kind,
    title: step.title,
    status: step.status as RunStep['status'],
    attempts: step.attempts,
    ...(error ? { error } : {}),
    ...(step.output === null ? {} : { output: step.output }),
    ...(step.decision === null ? {} : { decision: step.decision as unknown as StepDecision }),
    ...iso('startedAt', step.startedAt),
    ...iso('finishedAt', step.finishedAt),
  };
}

function percentOf({ status }: RunRow, steps: readonly StepRow[]): number {
  if (status === 'positive') return 100;
  const work = steps.filter(({ role }) => role === 'work');
  const ended = work.filter((step) => step.status !== 'idle' && step.status !== 'running');
  return Math.floor((100 * ended.length) / Math.max(1, work.length));
}

function waitingOf(run: RunRow, steps: readonly StepRow[]): Pick<Run, 'waiting'> {
  if (run.status !== 'waiting' || !run.waitsUntil) return {};
  const step = steps.find(
    ({ status, kind }) => (status === 'running' && kind === 'approval') || status === 'unknown',
  )?.position;
  const until = run.waitsUntil.toISOString();
  const reason = WaitReason.parse(run.waitsReason ?? 'approval');
  return {
    waiting: {
      ...{ reason, for: run.waitsFor ?? '', until },
      ...iso('since', run.waitsSince),
      ...(step === undefined ? {} : { step }),
    },
  };
}

/** The run, its steps, and theirs. Undo steps are shown once they are needed. Lines that belong to no step stand at the root. */
export function progressOf(
  run: RunRow,
  steps: readonly StepRow[],
  lines: readonly RunLogLine[],
  children: RunParts['children'],
): ProgressNode {
  const linesOf = (step: number | undefined) => lines.filter((line) => line.step === step).map((line) => line.line);
  const itemsOf = (parent: number | null): ProgressNode[] =>
    steps
      .filter((step) => step.parent === parent && (step.role !== 'undo' || step.status !== 'idle'))
      .map((step) => ({
        id: step.id,
        title: step.title,
        info: infoOf(step),
        status: nodeStatusOf(step.status as RunStep['status']),
        sub_items: [...itemsOf(step.position), ...childOf(step)],
        logs: linesOf(step.position),
        error: errorOf(step) ?? null,
      }));
  const childOf = ({ kind, output }: StepRow): readonly ProgressNode[] => {
    if (kind === 'follow-job') return followedOf(output)?.sub_items ?? [];
    const child = kind === 'run-action' ? children.get(String((output as { run?: unknown } | null)?.run)) : undefined;
    return child?.sub_items ?? [];
  };
  return {
    id: run.id,
    title: run.title,
    info: run.status === 'waiting' ? run.waitsFor : run.info,
    status: nodeStatusOf(run.status as Run['status']),
    sub_items: itemsOf(null),
    logs: linesOf(undefined),
    error: errorOf(run) ?? null,
  };
}

/** What the KAMA has told of the job that a step follows. */
const followedOf = (output: unknown): ProgressNode | undefined =>
  (output as { readonly progress?: ProgressNode } | null)?.progress;

/** KAMA clients know four statuses; what those hide is said in words. */
function infoOf({ status, role }: StepRow): string | null {
  if (status === 'skipped') return 'skipped';
  if (status === 'unknown') return 'outcome unknown';
  return role === 'undo' ? 'undo' : null;
}
