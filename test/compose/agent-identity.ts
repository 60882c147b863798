import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import type { AgentManifest } from '@nm/kernel/contracts';
import { adminTarget } from '../../libs/testing/admin-target.js';

export interface AgentIdentity {
  /** Holds `ca.crt` and `token`, for the agent's user to read. */
  readonly folder: string;
  readonly server: URL;
  remove(): Promise<void>;
}

const serviceAccount = 'nmachine-agent';

/** giveIdentity does for a container outside of the cluster what Kubernetes does for a pod: the manifest's ServiceAccount with its rights, its token and the cluster's authority as files. */
export async function giveIdentity(namespace: string, { items }: AgentManifest): Promise<AgentIdentity> {
  const target = await adminTarget();
  const admin = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
  const field = { fieldManager: 'kubectl' };
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, field);
  for (const item of items) if (item.kind !== 'Deployment') await admin.apply(item, field);
  const { token } = await admin.requestToken(namespace, serviceAccount, 3_600);
  const folder = await mkdtemp(join(tmpdir(), 'nm-agent-'));
  await Promise.all([writeFile(join(folder, 'token'), token), writeFile(join(folder, 'ca.crt'), target.ca ?? '')]);
  await chmod(folder, 0o755);
  return {
    folder,
    server: new URL(target.server),
    remove: async () => {
      await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
      await admin.close();
      await rm(folder, { recursive: true });
    },
  };
}
