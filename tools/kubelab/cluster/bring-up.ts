import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adminApi, isHealthy } from './api.ts';
import type { Children } from './children.ts';
import {
  apiserver,
  auditPolicy,
  auditPolicyFile,
  controllers,
  etcd,
  kwok,
  type Plan,
  scheduler,
} from './components.ts';
import { addFakeNodes } from './fake-nodes.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { waitUntil } from './wait.ts';

/** Tells how far a start is. */
export type OnStep = (step: string) => void;

/**
 * Starts the programs of the plan and returns when the cluster is usable: API server ready, default ServiceAccount there (before that every pod
 * is refused), scheduler ready, nodes Ready.
 * @throws the signal's reason when it is aborted; KubelabError when something is not ready in time.
 */
export async function bringUp(plan: Plan, children: Children, signal: AbortSignal, onStep: OnStep): Promise<void> {
  const { dir, ports, mode } = plan;
  // Once: tokens and certificates stay valid when the cluster is restarted. (The library costs 40 MB, hence on demand.)
  if (!existsSync(join(dir, 'pki', 'done'))) await (await import('./pki.ts')).makePki(join(dir, 'pki'));
  const server = serverUrl(plan);
  for (const user of ['admin', 'controllers', 'scheduler', 'proxy', 'kwok', 'node'])
    await writeKubeconfig(dir, user, server);
  if (mode === 'node') await (await import('../node/start-node.ts')).prepareMachine(dir);
  signal.throwIfAborted();
  if (plan.audit) writeFileSync(auditPolicyFile(dir), auditPolicy);
  children.start('etcd', etcd(plan));
  children.start('apiserver', apiserver(plan));
  const api = adminApi(dir, ports.api);
  try {
    await waitUntil('API server', async () => (await api.get('/readyz')).status === 200, signal);
    onStep('API server ready');
    children.start('controllers', controllers(plan));
    children.start('scheduler', scheduler(plan));
    if (mode === 'kwok') children.start('kwok', kwok(plan));
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    await waitUntil('default ServiceAccount', async () => (await api.get(account)).status === 200, signal);
    await waitUntil('scheduler', () => isHealthy(ports.scheduler), signal);
    onStep('controllers and scheduler ready');
    if (mode === 'kwok') await addFakeNodes(api, signal);
    else await (await import('../node/start-node.ts')).startNode(plan, children, api, signal, onStep);
    onStep('nodes ready');
  } finally {
    api.close();
  }
}

/** Address of the API server for clients on this machine. */
export function serverUrl({ ports }: Pick<Plan, 'ports'>): string {
  return `https://127.0.0.1:${ports.api}`;
}

/**
 * Ends everything in the order that leaves nobody without his server. The grace is short: an API server waits for its watches when asked
 * politely (up to a minute), and nothing is lost by a kill, because etcd's log is in the page cache.
 */
export async function takeDown(plan: Plan, children: Children): Promise<void> {
  if (plan.mode === 'node') await (await import('../node/stop-node.ts')).stopNode(children);
  await children.stop(['kwok', 'scheduler', 'controllers', 'apiserver'], 500);
  await children.stop(['etcd'], 2_000);
}
