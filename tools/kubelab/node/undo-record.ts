import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { withLock } from '../lock.ts';
import { isAlive, type ProcessRef } from '../process-ref.ts';
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

/** Undoes what a node has left whose supervisor was killed. Does nothing while the supervisor runs, or without root. */
export async function undoAbandonedNode(): Promise<void> {
  const abandoned = () => {
    const record = process.getuid?.() === 0 ? readUndoRecord() : undefined;
    return record && !isAlive(record.supervisor) ? record : undefined;
  };
  if (!abandoned()) return;
  await withLock('node-undo', async () => {
    // Read again: whoever held the lock may have done it.
    const record = abandoned();
    if (!record) return;
    const { removePods, undoMachine, withContainerd } = await import('./undo-node.ts');
    await withContainerd(record.dir, () => removePods(record.dir));
    await undoMachine(record);
    removeUndoRecord();
  });
}
