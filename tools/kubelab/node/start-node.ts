import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '../cluster/api.ts';
import type { Children } from '../cluster/children.ts';
import type { Plan } from '../cluster/components.ts';
import { NODE_IP } from '../cluster/components.ts';
import { isNodeReady } from '../cluster/fake-nodes.ts';
import { waitUntil } from '../cluster/wait.ts';
import { KubelabError } from '../errors.ts';
import { tryLock } from '../lock.ts';
import { processRef } from '../process-ref.ts';
import { containerd, importImage, isContainerdUp, nodeDir } from './containerd.ts';
import { currentChains } from './iptables.ts';
import { startJanitor } from './janitor.ts';
import { kubelet, kubeProxy, NODE_NAME, writeCniConfig } from './kubelet.ts';
import { run } from './run.ts';
import { readSysctls } from './sysctls.ts';
import { undoAbandonedNode } from './undo-abandoned.ts';
import { writeUndoRecord } from './undo-record.ts';

/**
 * Claims the machine for this node and makes the change that the API server needs: an address that pods can reach. What was there before is
 * recorded first, and a second process stands by to undo everything should this one be killed.
 * @throws KubelabError when another real node runs.
 */
export async function prepareMachine(dir: string): Promise<void> {
  // Held until this process ends.
  if (!(await tryLock('node')))
    throw new KubelabError('Another cluster with a real node runs on this machine: stop it first (see "list").');
  await undoAbandonedNode();
  const supervisor = processRef(process.pid);
  if (!supervisor) throw new Error('no /proc');
  writeUndoRecord({ dir, supervisor, sysctls: readSysctls(), chains: await currentChains() });
  startJanitor(dir);
  // On lo, because a kernel without CONFIG_DUMMY has no other interface to put it on.
  await run('ip', ['addr', 'replace', `${NODE_IP}/32`, 'dev', 'lo']);
}

/** Starts containerd, kubelet and kube-proxy and returns when the node is Ready. */
export async function startNode(
  plan: Plan,
  children: Children,
  api: Api,
  signal: AbortSignal,
  onStep: (step: string) => void,
): Promise<void> {
  const { dir, build } = plan;
  for (const folder of ['cni', 'containerd', 'state', 'kubelet', 'logs'])
    mkdirSync(join(nodeDir(dir), folder), { recursive: true });
  writeCniConfig(dir);
  children.start('containerd', containerd(dir));
  await waitUntil('containerd', () => isContainerdUp(dir), signal, 30_000);
  await importImage(dir, build.pauseImage);
  onStep('containerd ready');
  children.start('kubelet', kubelet(plan));
  await waitUntil(`node ${NODE_NAME}`, () => isNodeReady(api, NODE_NAME), signal);
  children.start('kube-proxy', kubeProxy(plan));
  // Healthy after its first sync: from then on the addresses of services work.
  await waitUntil('kube-proxy', async () => (await fetch('http://127.0.0.1:10256/healthz')).ok, signal, 30_000);
}
