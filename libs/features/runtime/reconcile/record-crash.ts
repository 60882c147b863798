import { backoffMs } from '@nm/kernel/time';
import { endInstance, type RuntimeState } from '../runtime-driver.js';
import { driverOf, type Turn } from './turn.js';

/** Up for so long, an instance counts as healthy: a later crash starts counting anew. */
const healthyMs = 60_000;
const lineMax = 300;

/** recordCrash cleans up after an instance that ended or never became ready, keeps its last output, and sets when it may be tried again. */
export async function recordCrash(turn: Turn, what: string): Promise<void> {
  const { facts, store, backoff, random, logger } = turn;
  const driver = facts.handle && driverOf(turn, facts.handle.driver);
  let logTail: Buffer | undefined;
  if (facts.handle && driver) {
    logTail = await endInstance(driver, facts.handle, 0);
  }
  const upMs = facts.readyAt ? turn.nowMs() - facts.readyAt.getTime() : 0;
  const restarts = upMs >= healthyMs ? 1 : facts.restarts + 1;
  const waitMs = backoffMs(restarts, backoff.baseMs, backoff.maxMs, random());
  const last = lastLine(logTail);
  const message = last ? `${what}. Its last line: ${last}` : `${what}.`;
  await store.crashed(facts.id, { message, restarts, backoffMs: waitMs, ...(logTail ? { logTail } : {}) });
  logger.warn({ instance: facts.id, restarts, backoffMs: waitMs, reason: what }, 'instance crashed');
}

/** describeExit says in words how it ended. */
export function describeExit(state: RuntimeState): string {
  if (state.state === 'absent') return 'The instance is gone';
  if (state.outOfMemory) return 'The instance went over its memory limit and was killed';
  const code = state.exitCode ?? 0;
  return code > 128 ? `The instance was ended by signal ${code - 128}` : `The instance exited with code ${code}`;
}

function lastLine(log: Buffer | undefined): string | undefined {
  const line = log?.subarray(-4096).toString().trimEnd().split('\n').at(-1)?.trim();
  // Control characters of a program's output have no business in an API answer.
  return line ? line.replace(/\p{Cc}+/gu, ' ').slice(0, lineMax) : undefined;
}
