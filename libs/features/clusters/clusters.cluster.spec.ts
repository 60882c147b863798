import { readFile } from 'node:fs/promises';
import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { RbacPolicy } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { adminTarget } from '../../testing/admin-target.js';
import { describeWith } from '../../testing/needs.js';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { checkCluster } from './check-cluster.js';
import { ClusterSessions } from './cluster-sessions.js';
import { registerCluster } from './register-cluster.js';

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
const manager = 'nm-test';

describeWith(['kubernetes'], 'clusters on a real cluster', () => {
  const vault = new Vault(randomKeyBytes(32));
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
  const namespace = `clu-${newId('request').slice(-10)}`;
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let principal: Awaited<ReturnType<typeof seedLicensee>>;
  let admin: KubeSession;
  let connections = 0;
  const deps = () => ({ db: database.db, vault, policy, clock, sessions });

  beforeAll(async () => {
    database = await createTestDatabase();
    sessions = new ClusterSessions({ ...deps(), onConnect: () => connections++ });
    principal = await seedLicensee(database.db, { rbac });
    admin = new KubeSession(await adminTarget(), { policy });
    await admin.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { fieldManager: manager },
    );
  });
  afterAll(async () => {
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await admin.close();
    await sessions.close();
    await database.close();
  });

  const register = async (name: string, kubeconfig: string) =>
    registerCluster(deps(), principal, { name, kubeconfig, allowInsecureTls: false });

  /** A kubeconfig of a ServiceAccount, as docs/guides/clusters.md makes one. */
  async function tokenKubeconfig(serviceAccount: string): Promise<string> {
    await admin.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
      { fieldManager: manager },
    );
    const { token } = await admin.requestToken(namespace, serviceAccount, 3_600);
    const { server, ca } = await adminTarget();
    return stringify({
      clusters: [
        { name: 'k', cluster: { server, 'certificate-authority-data': Buffer.from(ca ?? '').toString('base64') } },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    });
  }

  it('registers the administrator’s kubeconfig and finds everything ready', async () => {
    const cluster = await register('admin', await readFile(inject('kubeconfigPath'), 'utf8'));
    expect(cluster.intake.refused).toEqual([]);
    const check = await checkCluster(deps(), principal, cluster.id, { namespace });
    expect(check).toMatchObject({ health: 'reachable', ready: true, version: expect.stringMatching(/^v1\./) });
    expect(check.latencyMs).toBeGreaterThanOrEqual(0);
    expect(check.permissions.length).toBeGreaterThan(20);
    const row = await database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id: cluster.id } }));
    expect(row).toMatchObject({ health: 'reachable', version: check.version });
    expect(Buffer.from(row.credential ?? []).toString('latin1')).not.toContain('PRIVATE KEY');
  });

  it('names each permission that a credential lacks, the app’s own included', async () => {
    const cluster = await register('weak', await tokenKubeconfig('weak'));
    const check = await checkCluster(deps(), principal, cluster.id, { namespace });
    expect(check).toMatchObject({ health: 'reachable', ready: false });
    const missing = check.permissions.filter((permission) => !permission.allowed);
    expect(missing).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ verb: 'create', apiGroup: '', resource: 'serviceaccounts/token', namespace }),
        expect.objectContaining({ verb: 'patch', apiGroup: 'rbac.authorization.k8s.io', resource: 'clusterroles' }),
        expect.objectContaining({ verb: '*', apiGroup: 'apps', resource: 'deployments', name: 'web' }),
        expect.objectContaining({
          verb: 'list',
          resource: 'nodes',
          purpose: 'granted to the app by its ClusterRole nodes',
        }),
      ]),
    );
  });

  it('finds the same credential ready once exactly the missing permissions are granted', async () => {
    const cluster = await register('granted', await tokenKubeconfig('granted'));
    const { permissions } = await checkCluster(deps(), principal, cluster.id, { namespace });
    const rules = permissions
      .filter((permission) => !permission.allowed)
      .map(({ verb, apiGroup, resource, name }) => ({
        apiGroups: [apiGroup],
        resources: [resource],
        verbs: [verb],
        ...(name ? { resourceNames: [name] } : {}),
      }));
    const name = `${namespace}-granted`;
    const head = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
    await admin.apply({ ...head, kind: 'ClusterRole', rules }, { fieldManager: manager });
    await admin.apply(
      {
        ...head,
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'granted', namespace }],
      },
      { fieldManager: manager },
    );
    try {
      await expect
        .poll(async () => (await checkCluster(deps(), principal, cluster.id, { namespace })).ready, { timeout: 10_000 })
        .toBe(true);
    } finally {
      await admin.delete({ ...head, kind: 'ClusterRoleBinding', name });
      await admin.delete({ ...head, kind: 'ClusterRole', name });
    }
  });

  it('stores unauthorized for a dead credential and unreachable for a dead server, without failing', async () => {
    const good = await tokenKubeconfig('dead');
    const dead = await register('dead', good.replace(/token: \S+/, 'token: nonsense'));
    expect(await checkCluster(deps(), principal, dead.id, { namespace })).toMatchObject({
      health: 'unauthorized',
      ready: false,
      permissions: [],
    });
    const away = await register('away', good.replace(/server: \S+/, 'server: https://127.0.0.1:1'));
    expect(await checkCluster(deps(), principal, away.id, { namespace })).toMatchObject({ health: 'unreachable' });
  });

  it('refuses to dial what the policy does not allow, at registration and at every dial', async () => {
    const text = await readFile(inject('kubeconfigPath'), 'utf8');
    const strict = { ...deps(), policy: new EgressPolicy() };
    const body = { name: 'x', kubeconfig: text, allowInsecureTls: false };
    await expect(registerCluster(strict, principal, body)).rejects.toMatchObject({ code: 'egress_denied' });
    const cluster = await register('later', text);
    const strictSessions = new ClusterSessions(strict);
    const session = await strictSessions.forCluster(cluster.id);
    await expect(session.version()).rejects.toMatchObject({ code: 'egress_denied' });
    await strictSessions.close();
  });

  it('opens one session per cluster, with one connection, until it is invalidated', async () => {
    const cluster = await register('pooled', await tokenKubeconfig('pooled'));
    const before = connections;
    const [first, second] = await Promise.all([sessions.forCluster(cluster.id), sessions.forCluster(cluster.id)]);
    expect(first).toBe(second);
    for (let i = 0; i < 50; i++) await first.version();
    expect(connections - before).toBe(1);
    sessions.invalidate('cluster', cluster.id);
    expect(await sessions.forCluster(cluster.id)).not.toBe(first);
    await expect(first.version()).rejects.toMatchObject({ code: 'cluster_unreachable' });
  });

  it('needs nothing but the Role of the guide and what the app itself asks for', async () => {
    const guide = await readFile(new URL('../../../docs/guides/clusters.md', import.meta.url), 'utf8');
    const block = /```yaml\n(apiVersion[\s\S]*?)```/.exec(guide)?.[1] ?? '';
    for (const document of parseAllDocuments(block.replaceAll('shop', namespace)))
      await admin.apply(document.toJS() as KubeObject, { fieldManager: manager });
    const cluster = await register('guide', await tokenKubeconfig('nmachine'));
    const lacking = async () => {
      const { permissions } = await checkCluster(deps(), principal, cluster.id, { namespace });
      return permissions.filter((permission) => !permission.allowed && !/ClusterRole/.test(permission.purpose));
    };
    await expect
      .poll(async () => new Set((await lacking()).map((permission) => permission.purpose)), { timeout: 10_000 })
      .toEqual(new Set(['granted to the app by its Role app']));
  });
});
