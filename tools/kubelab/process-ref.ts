import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process, not just a number: the kernel gives pids out again, so the start time (clock ticks since boot) goes with it. */
export interface ProcessRef {
  readonly pid: number;
  readonly start: string;
}

/** The living process `pid`, or undefined. A zombie counts as dead: it has ended and only waits to be reaped. */
export function processRef(pid: number): ProcessRef | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' || start === undefined ? undefined : { pid, start };
  } catch {
    return undefined;
  }
}

/** Whether this very process still runs. */
export function isAlive(ref: ProcessRef): boolean {
  return processRef(ref.pid)?.start === ref.start;
}

/** Resident memory in MiB, 0 when the process is gone. */
export function residentMiB(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** Waits until the process has ended; false when it still runs after `timeoutMs`. */
export async function waitForEnd(ref: ProcessRef, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (isAlive(ref)) {
    if (Date.now() > end) return false;
    await sleep(25);
  }
  return true;
}

/** Sends the signal if this very process still runs. */
export function signal(ref: ProcessRef, name: NodeJS.Signals): void {
  if (!isAlive(ref)) return;
  try {
    process.kill(ref.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

/** Aborted as soon as this very process has ended, at most 250 ms late: the owner of a cluster need not be our child. */
export function endOf(ref: ProcessRef): AbortSignal {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (isAlive(ref)) return;
    clearInterval(timer);
    controller.abort();
  }, 250);
  timer.unref();
  return controller.signal;
}
