import type { Children } from '../cluster/children.ts';
import { removePods, undoMachine } from './undo-node.ts';
import { readUndoRecord, removeUndoRecord } from './undo-record.ts';

/** Ends the node of this process and undoes its changes to the machine; does nothing if it has not changed any. */
export async function stopNode(children: Children): Promise<void> {
  const record = readUndoRecord();
  if (record?.supervisor.pid !== process.pid) return;
  // First those who would make new pods and rules.
  await children.stop(['kubelet', 'kube-proxy'], 2_000);
  await removePods(record.dir);
  await children.stop(['containerd'], 3_000);
  await undoMachine(record);
  removeUndoRecord();
}
