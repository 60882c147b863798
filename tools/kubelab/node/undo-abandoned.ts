import { withLock } from '../lock.ts';
import { isAlive } from '../process-ref.ts';
import { removePods, undoMachine, withContainerd } from './undo-node.ts';
import { readUndoRecord, removeUndoRecord } from './undo-record.ts';

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
    // What fails here is left to undoMachine, which needs no containerd.
    await withContainerd(record.dir, () => removePods(record.dir)).catch(() => undefined);
    await undoMachine(record);
    removeUndoRecord();
  });
}
