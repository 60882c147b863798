import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { nodeBinary } from '../node-binary.ts';
import { TOOL_DIR } from '../paths.ts';
import { waitForEnd } from '../process-ref.ts';
import { undoAbandonedNode } from './undo-abandoned.ts';
import { readUndoRecord } from './undo-record.ts';

/**
 * Starts the process that undoes a node whose supervisor was killed. It waits for the end of a pipe, which the kernel closes with the supervisor;
 * the kernel kills containerd and kubelet then, but containers, mounts and iptables rules would stay.
 */
export function startJanitor(dir: string): void {
  const log = openSync(join(dir, 'log', 'janitor.log'), 'w', 0o600);
  const child = spawn(nodeBinary(), [join(TOOL_DIR, 'main.ts'), 'janitor'], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  child.unref();
}

/** Body of that process. */
export async function runJanitor(): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('close', resolve).once('end', resolve));
  const record = readUndoRecord();
  // The pipe closes a moment before the process is gone.
  if (record) await waitForEnd(record.supervisor, 10_000);
  await undoAbandonedNode();
}
