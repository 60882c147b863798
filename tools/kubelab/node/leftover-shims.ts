import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { processRef, signal, waitForEnd } from '../process-ref.ts';
import { socketPath } from './containerd.ts';
import { attempt } from './run.ts';

const NAMED = '/run/netns';

/**
 * Ends what containerd could not be asked to end, because its folder was deleted or it did not start: the shims that name its socket on their
 * command line, their containers, and the network namespaces of those.
 */
export async function killLeftoverShims(dir: string): Promise<void> {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const shims = pids.filter((pid) => {
    const command = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
    return command[0]?.includes('containerd-shim') && command.includes(socketPath(dir));
  });
  if (shims.length === 0) return;
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const containers = pids.filter((pid) => hasAncestor(pid, shims, parents));
  const namespaces = new Set(
    containers.map(networkOf).filter((network) => network !== '' && network !== networkOf(process.pid)),
  );
  for (const pid of [...shims, ...containers]) {
    const ref = processRef(pid);
    if (!ref) continue;
    signal(ref, 'SIGKILL');
    await waitForEnd(ref, 2_000);
  }
  for (const name of namedNamespaces())
    if (namespaces.has(inode(join(NAMED, name)))) await attempt('ip', ['netns', 'del', name]);
}

function hasAncestor(pid: number, ancestors: readonly number[], parents: ReadonlyMap<number, number>): boolean {
  for (let parent = parents.get(pid); parent; parent = parents.get(parent)) if (ancestors.includes(parent)) return true;
  return false;
}

const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0);

/** Inode of the process's network namespace: `net:[4026531840]` without the frame. */
function networkOf(pid: number): string {
  try {
    return /\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0] ?? '';
  } catch {
    return '';
  }
}

function namedNamespaces(): string[] {
  try {
    return readdirSync(NAMED);
  } catch {
    return [];
  }
}

function inode(path: string): string {
  try {
    return String(statSync(path).ino);
  } catch {
    return '';
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
