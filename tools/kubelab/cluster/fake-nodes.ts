import { KubelabError } from '../errors.ts';
import type { Api } from './api.ts';
import { waitUntil } from './wait.ts';

const NODES = ['fake-1', 'fake-2'] as const;
const CAPACITY = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' };

/** Registers the fake nodes and waits until kwok has made them Ready. */
export async function addFakeNodes(api: Api, signal: AbortSignal): Promise<void> {
  for (const [index, name] of NODES.entries()) {
    const metadata = {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': process.arch === 'arm64' ? 'arm64' : 'amd64',
        type: 'kwok',
        'topology.kubernetes.io/zone': `z${index + 1}`,
      },
    };
    const answer = await api.apply(`/api/v1/nodes/${name}`, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata,
      status: { allocatable: CAPACITY, capacity: CAPACITY },
    });
    if (answer.status >= 300) throw new KubelabError(`The fake node ${name} was refused: ${answer.text}`);
  }
  for (const name of NODES) await waitUntil(`node ${name}`, () => isNodeReady(api, name), signal, 30_000);
}

/** Whether the node exists and says Ready. */
export async function isNodeReady(api: Api, name: string): Promise<boolean> {
  const answer = await api.get(`/api/v1/nodes/${name}`);
  if (answer.status !== 200) return false;
  const node = JSON.parse(answer.text) as { status?: { conditions?: { type: string; status: string }[] } };
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
