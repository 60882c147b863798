import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process and not just a number: the kernel gives pids out again, so the start time goes with it. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the start; empty where there is no /proc. */
  readonly start: string;
}

/** processRef describes a living process; undefined for none, and for one that has ended and only waits to be reaped. */
export function processRef(pid: number): ProcessRef | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses, which may hold spaces and parentheses itself (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' || start === undefined ? undefined : { pid, start };
  } catch {
    return hasProc() ? undefined : probe(pid);
  }
}

/** isAlive tells whether this very process still runs. */
export const isAlive = (ref: ProcessRef): boolean => processRef(ref.pid)?.start === ref.start;

/** formatRef and parseRef write a process as text, for the store. */
export const formatRef = (ref: ProcessRef): string => `${ref.pid}@${ref.start}`;
export function parseRef(text: string): ProcessRef | undefined {
  const match = /^(\d+)@(\d*)$/.exec(text);
  return match ? { pid: Number(match[1]), start: match[2] as string } : undefined;
}

/** thisMachine names the pid space that a process number belongs to: this boot of this machine or container. */
export function thisMachine(): string {
  try {
    return `${hostname()}/${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)}`;
  } catch {
    return hostname();
  }
}

function hasProc(): boolean {
  try {
    readFileSync('/proc/self/stat');
    return true;
  } catch {
    return false;
  }
}

function probe(pid: number): ProcessRef | undefined {
  try {
    process.kill(pid, 0);
    return { pid, start: '' };
  } catch {
    return undefined;
  }
}
