import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { RbacPolicy } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { adminTarget } from '../../testing/admin-target.js';
import { describeWith } from '../../testing/needs.js';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { checkCluster } from './check-cluster.js';
import { ClusterSessions } from './cluster-sessions.js';
import { registerCluster } from './register-cluster.js';
import { scriptOf, setupScript } from './setup-script.js';

const run = promisify(execFile);

const hostile = 'x\nNMACHINE_MANIFESTS\ntouch /tmp/nmachine-was-here\n$(id)`id`';
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch'] },
        { apiGroups: ['apps'], resources: ['deployments'], verbs: ['*'], resourceNames: ['web'] },
      ],
    },
  ],
  clusterRoles: [{ name: 'nodes', rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }] }],
};

const pathWithKubectl = () => [inject('kubernetesBin'), process.env['PATH']].filter(Boolean).join(':');

describeWith(['kubernetes'], 'the setup script, run by kubectl', () => {
  const namespace = `scr-${newId('request').slice(-10)}`;
  const vault = new Vault(randomKeyBytes(32));
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let admin: KubeSession;
  /** kubectl keeps a cache beside itself otherwise. */
  let home: string;
  const deps = () => ({ db: database.db, vault, policy, clock, sessions });

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-kubectl-'));
    database = await createTestDatabase();
    sessions = new ClusterSessions(deps());
    admin = new KubeSession(await adminTarget(), { policy });
  });
  afterAll(async () => {
    for (const kind of ['ClusterRole', 'ClusterRoleBinding'])
      await admin.delete({ apiVersion: 'rbac.authorization.k8s.io/v1', kind, name: `nmachine-${namespace}` });
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await admin.close();
    await sessions.close();
    await database.close();
    await rm(home, { recursive: true });
  });

  it('prints a kubeconfig that registers whole, is ready, and may do nothing beside', async () => {
    const principal = await seedLicensee(database.db, { rbac });
    const { script } = await setupScript(deps(), principal, { namespace });
    const env = { PATH: pathWithKubectl(), HOME: home, KUBECONFIG: inject('kubeconfigPath') };
    const { stdout } = await run('sh', ['-c', script], { env });
    const cluster = await registerCluster(deps(), principal, {
      name: 'scripted',
      kubeconfig: stdout,
      allowInsecureTls: false,
    });
    expect(cluster.intake.refused).toEqual([]);
    expect(cluster.credential).toMatchObject({
      kind: 'service-account',
      serviceAccount: { namespace, name: 'nmachine' },
    });
    await expect
      .poll(
        async () =>
          (await checkCluster(deps(), principal, cluster.id, { namespace })).permissions.filter((p) => !p.allowed),
        {
          timeout: 20_000,
        },
      )
      .toEqual([]);
    const session = await sessions.forCluster(cluster.id);
    for (const [verb, group, resource, where] of [
      ['get', '', 'secrets', namespace],
      ['delete', '', 'secrets', namespace],
      ['get', '', 'configmaps', 'kube-system'],
      ['create', '', 'pods', namespace],
      ['delete', '', 'namespaces', undefined],
      ['escalate', 'rbac.authorization.k8s.io', 'roles', namespace],
      ['*', '*', '*', undefined],
    ] as const)
      expect(await session.can({ verb, group, resource, namespace: where }), `${verb} ${resource}`).toMatchObject({
        allowed: false,
      });
  });

  it('runs nothing that a publisher wrote into a policy', async () => {
    const rules = [{ apiGroups: [hostile], resources: [hostile], verbs: [hostile] }];
    const script = scriptOf(namespace, { roles: [{ name: hostile, rules }], clusterRoles: [{ name: hostile, rules }] });
    const echo = script.replaceAll('kubectl', 'kubectl_stub');
    const { stdout } = await run(
      'sh',
      ['-c', `kubectl_stub() { echo stub; }\n${echo}\ntest ! -e /tmp/nmachine-was-here && echo untouched`],
      {
        env: { PATH: process.env['PATH'] },
      },
    );
    expect(stdout).toContain('untouched');
    expect(script.split('\n').filter((line) => line === 'NMACHINE_MANIFESTS')).toHaveLength(1);
  });
});
