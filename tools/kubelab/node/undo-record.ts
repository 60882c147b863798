import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ProcessRef } from '../process-ref.ts';
import type { Chains } from './iptables.ts';

/** What must be undone on the machine, written before the first change. */
export interface UndoRecord {
  /** State folder of the cluster; everything mounted below it is the node's. */
  readonly dir: string;
  readonly supervisor: ProcessRef;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly chains: Chains;
}

// In /run: like the changes themselves it is gone after a reboot. One file: one real node per machine.
const FILE = '/run/nm-kubelab-node.json';

/** The record of the node that runs or was abandoned. */
export function readUndoRecord(): UndoRecord | undefined {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as UndoRecord;
  } catch {
    return undefined;
  }
}

/** Must be called before the machine is changed. */
export function writeUndoRecord(record: UndoRecord): void {
  writeFileSync(`${FILE}.tmp`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${FILE}.tmp`, FILE);
}

/** Everything is undone. */
export function removeUndoRecord(): void {
  rmSync(FILE, { force: true });
}
