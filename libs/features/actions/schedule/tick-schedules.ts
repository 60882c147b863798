import type { Db, Tx } from '@nm/adapters/db';
import type { Run, Schedule } from '@nm/kernel/contracts';
import { hasCode } from '@nm/kernel/fault';
import { licenceFactsOf, standingOf } from '@nm/kernel/licensing';
import { openedPlan } from '../plan/sealed-plan.js';
import { type QueueRunDeps, queueRun } from '../queue-run.js';
import { priorityOf } from '../run-priority.js';
import { isTerminal } from '../run-rules.js';
import { nextTime } from './cron-times.js';

/** A time that is found so late was missed: whatever should have started the run was away. Milliseconds. */
const lateMs = 60_000;
const batch = 20;

type Outcome = NonNullable<Schedule['last']>['outcome'];
type Due = NonNullable<Awaited<ReturnType<Tx['runSchedule']['findUnique']>>>;

/**
 * tickSchedules starts what is due, a batch at a time, and gives how many there were. Whoever has locked the row decides, in the transaction that
 * queues the run and sets the next time: of many workers one starts it, and a crash starts it neither twice nor never. However many times were missed,
 * they count as one.
 */
export function tickSchedules(deps: QueueRunDeps & { readonly db: Db }): Promise<number> {
  const { db, clock } = deps;
  return db.asSystem(async (tx) => {
    const now = clock.now();
    const ids = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM run_schedule WHERE paused_at IS NULL AND next_at <= ${now}
       ORDER BY next_at LIMIT ${batch} FOR UPDATE SKIP LOCKED`;
    for (const { id } of ids) {
      const due = await tx.runSchedule.findUniqueOrThrow({ where: { id } });
      const { outcome, runId } = await decide(tx, due, deps);
      await tx.runSchedule.update({
        where: { id },
        data: {
          lastAt: due.nextAt,
          lastOutcome: outcome,
          nextAt: nextTime(due, now) ?? null,
          ...(runId === undefined ? {} : { lastRunId: runId }),
        },
      });
    }
    return ids.length;
  });
}

async function decide(tx: Tx, due: Due, deps: QueueRunDeps): Promise<{ outcome: Outcome; runId?: string }> {
  const { clock, vault } = deps;
  const dueMs = due.nextAt?.getTime() ?? 0;
  if (due.missed === 'skip' && clock.nowMs() - dueMs > lateMs) return { outcome: 'missed' };
  const install = await tx.install.findUniqueOrThrow({ where: { id: due.installId }, include: { licence: true } });
  if (standingOf(licenceFactsOf(install.licence), clock.nowMs()).effect !== 'allow') return { outcome: 'licence' };
  if (install.state !== 'ready') return { outcome: 'install' };
  if (await isStillAtIt(tx, due)) return { outcome: 'overlap' };
  const { orgId, installId, licenceId, action, title, timeoutSeconds, id } = due;
  const plan = await planOf(vault, due);
  if (plan === undefined) return { outcome: 'invalid' };
  const run = await queueRun(
    tx,
    {
      ...{ orgId, installId, licenceId, action, title, plan, timeoutSeconds, kind: 'action' as const },
      ...{ priority: priorityOf(due.priority), startedBy: id, scheduleId: id },
      idempotencyKey: `schedule:${id}:${dueMs}`,
    },
    deps,
  );
  return { outcome: 'started', runId: run.id };
}

/** One that does not open any more holds up no other schedule. */
const planOf = (vault: QueueRunDeps['vault'], due: Due): Promise<unknown> =>
  openedPlan(vault, due, ['run_schedule', due.orgId, due.id]).catch((error: unknown) => {
    if (hasCode(error, 'seal_broken')) return undefined;
    throw error;
  });

/** A run that is not over when its next time comes is not joined by another. */
async function isStillAtIt(tx: Tx, { lastRunId }: Due): Promise<boolean> {
  if (lastRunId === null) return false;
  const last = await tx.run.findUnique({ where: { id: lastRunId }, select: { status: true } });
  return last !== null && !isTerminal(last.status as Run['status']);
}
