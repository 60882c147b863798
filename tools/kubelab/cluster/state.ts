import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessRef } from '../process-ref.ts';
import type { Ports } from './ports.ts';

/** `kwok`: fake nodes, pods go Ready by themselves. `node`: one real kubelet on containerd. */
export type Mode = 'kwok' | 'node';

/** What a cluster is, as its supervisor last wrote it to `<dir>/state.json`. */
export interface ClusterState {
  readonly name: string;
  readonly dir: string;
  readonly mode: Mode;
  readonly phase: 'starting' | 'ready' | 'stopping' | 'failed';
  readonly server: string;
  readonly kubeconfigPath: string;
  /** Folder of kubectl and the other programs. */
  readonly bin: string;
  readonly ports: Ports;
  readonly supervisor: ProcessRef;
  /** The cluster ends when this process ends; null: it stays until `down`. */
  readonly owner: ProcessRef | null;
  /** The folder goes when the cluster ends. */
  readonly ephemeral: boolean;
  readonly startedAt: string;
  readonly children: Readonly<Record<string, ProcessRef>>;
  /** Why it failed. */
  readonly error?: string;
}

const file = (dir: string): string => join(dir, 'state.json');

/** Replaces the state in one step, so that a reader never sees half of it. */
export function writeState(state: ClusterState): void {
  const temporary = `${file(state.dir)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file(state.dir));
}

/** The recorded state, whether or not its processes still run; undefined when there is none. */
export function readState(dir: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(file(dir), 'utf8')) as ClusterState;
  } catch {
    return undefined;
  }
}

/** Forgets the state; the cluster's data stays. */
export function removeState(dir: string): void {
  rmSync(file(dir), { force: true });
}

/** Whether the cluster's supervisor runs. */
export function isRunning(state: ClusterState): boolean {
  return isAlive(state.supervisor);
}

/** Removes the folder of a cluster that has ended. Refuses a folder that does not look like one of ours. */
export function wipe(dir: string): void {
  if (!existsSync(join(dir, 'pki')) && !existsSync(join(dir, 'log'))) return;
  rmSync(dir, { recursive: true, force: true });
}
