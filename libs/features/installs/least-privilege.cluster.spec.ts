import { readFile } from 'node:fs/promises';
import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { LicenseePrincipal } from '@nm/features/access';
import { advanceRun, RunCancellations, readRun } from '@nm/features/actions';
import { ClusterSessions, checkCluster, registerCluster } from '@nm/features/clusters';
import type { RbacPolicy } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { adminTarget } from '../../testing/admin-target.js';
import { describeWith } from '../../testing/needs.js';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { createInstall, getInstall, removeInstall } from './index.js';

const appRules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch'] }];
const rbac: RbacPolicy = { roles: [{ name: 'app', rules: appRules }], clusterRoles: [] };
const fieldManager = 'nm-test';

describeWith(['kubernetes'], 'an install by the credential of docs/guides/clusters.md', () => {
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
  const vault = new Vault(randomKeyBytes(32));
  const egress = createEgressAgent(policy);
  const namespace = `least-${newId('request').slice(-10)}`;
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let cancellations: RunCancellations;
  let admin: KubeSession;
  let principal: LicenseePrincipal;
  const deps = () => ({ db: database.db, vault, policy, clock, sessions });

  beforeAll(async () => {
    database = await createTestDatabase();
    sessions = new ClusterSessions(deps());
    cancellations = new RunCancellations({ url: database.url, onError: () => undefined });
    admin = new KubeSession(await adminTarget(), { policy });
    principal = await seedLicensee(database.db, { rbac });
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager });
    const guide = await readFile(new URL('../../../docs/guides/clusters.md', import.meta.url), 'utf8');
    const block = /```yaml\n(apiVersion[\s\S]*?)```/.exec(guide)?.[1] ?? '';
    for (const document of parseAllDocuments(block.replaceAll('shop', namespace))) {
      const object = document.toJS() as KubeObject;
      if (object.kind === 'Role') (object['rules'] as object[]).push(...appRules);
      await admin.apply(object, { fieldManager });
    }
  });
  afterAll(async () => {
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await Promise.allSettled([admin.close(), sessions.close(), cancellations.close(), egress.destroy()]);
    await database.close();
  });

  const work = (runId: string) =>
    advanceRun(
      {
        db: database.db,
        clock,
        vault,
        sessions,
        cancellations,
        egress,
        worker: 'test',
        leaseMs: 5_000,
        onFault: () => undefined,
      },
      runId,
      new AbortController().signal,
    );

  it('is checked, provisioned, used and removed', async () => {
    const { token } = await admin.requestToken(namespace, 'nmachine', 3_600);
    const { server, ca } = await adminTarget();
    const kubeconfig = stringify({
      clusters: [
        { name: 'k', cluster: { server, 'certificate-authority-data': Buffer.from(ca ?? '').toString('base64') } },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    });
    const cluster = await registerCluster(deps(), principal, { name: 'k', kubeconfig, allowInsecureTls: false });
    await expect
      .poll(async () => (await checkCluster(deps(), principal, cluster.id, { namespace })).ready, { timeout: 10_000 })
      .toBe(true);

    const install = await createInstall(deps(), principal, { clusterId: cluster.id, namespace });
    const outcome = await work(install.provisionRunId ?? '');
    expect(outcome, JSON.stringify((await readRun(database.db, principal, install.provisionRunId ?? '')).error)).toBe(
      'positive',
    );
    expect((await getInstall(deps(), principal, install.id)).state).toBe('ready');

    const session = await sessions.forInstall(install.id);
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kamafile', namespace } };
    await session.apply(configMap, { fieldManager });
    await expect(session.list({ apiVersion: 'v1', kind: 'Secret', namespace })).rejects.toMatchObject({
      code: 'cluster_forbidden',
    });

    const { removeRunId } = await removeInstall(deps(), principal, install.id);
    expect(await work(removeRunId)).toBe('positive');
    expect((await getInstall(deps(), principal, install.id)).state).toBe('removed');
    const left = await admin.list({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      namespace,
      labelSelector: 'nmachine.io/install',
    });
    expect(left.items).toEqual([]);
    expect(await admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'kamafile', namespace })).toBeDefined();
  });
});
