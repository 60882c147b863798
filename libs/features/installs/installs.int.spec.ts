import { EgressPolicy } from '@nm/adapters/egress';
import { Vault } from '@nm/adapters/vault';
import type { LicenseePrincipal } from '@nm/features/access';
import { ClusterSessions, deleteCluster, getCluster, listClusters, registerCluster } from '@nm/features/clusters';
import { type RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { createInstall, getInstall, listInstalls, previewInstall, removeInstall } from './index.js';

const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const rbac: RbacPolicy = { roles: [{ name: 'app', rules: [rule] }], clusterRoles: [{ name: 'wide', rules: [rule] }] };
const page = { limit: 50 };
const kubeconfig = `
clusters: [{name: k, cluster: {server: 'https://127.0.0.1:6443'}}]
users: [{name: u, user: {token: top-secret}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
`;

describe('clusters and installs of a licensee', () => {
  const clock = new FakeClock();
  const vault = new Vault(randomKeyBytes(32));
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let mine: LicenseePrincipal;
  let others: LicenseePrincipal;
  const deps = () => ({ db: database.db, vault, policy, clock, sessions });

  beforeAll(async () => {
    database = await createTestDatabase();
    sessions = new ClusterSessions(deps());
    mine = await seedLicensee(database.db, { rbac, installsMax: 2 });
    others = await seedLicensee(database.db, { rbac });
  });
  afterAll(() => database.close());

  const register = (name: string, who = mine) =>
    registerCluster(deps(), who, { name, kubeconfig, allowInsecureTls: false });
  const rowOf = (id: string) => database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id } }));
  const runOf = (id: string) => database.db.asSystem((tx) => tx.run.findUniqueOrThrow({ where: { id } }));
  const install = async (clusterId: string, namespace: string, who = mine) => {
    const { acceptClusterRoles } = await previewInstall(deps(), who, { clusterId, namespace });
    return createInstall(deps(), who, { clusterId, namespace, ...(acceptClusterRoles ? { acceptClusterRoles } : {}) });
  };
  const changes = async (id: string) =>
    database.db.asSystem((tx) =>
      tx.outbox.count({ where: { topic: 'change', payload: { path: ['id'], equals: id } } }),
    );
  const setState = (id: string, state: string) =>
    database.db.asSystem((tx) => tx.install.update({ where: { id }, data: { state } }));

  it('stores the credential sealed, for its own row only, and shows it to nobody', async () => {
    const first = await register('sealed');
    const second = await register('sealed-2');
    expect(JSON.stringify(first)).not.toContain('top-secret');
    const [row, other] = [await rowOf(first.id), await rowOf(second.id)];
    expect(Buffer.from(row.credential ?? []).toString('latin1')).not.toContain('top-secret');
    expect(JSON.stringify({ ...row, credential: undefined })).not.toContain('top-secret');
    expect(await (await sessions.forCluster(first.id)).authorization()).toBe('Bearer top-secret');
    await database.db.asSystem((tx) =>
      tx.cluster.update({ where: { id: second.id }, data: { credential: row.credential } }),
    );
    await expect(sessions.forCluster(second.id)).rejects.toMatchObject({ code: 'seal_broken' });
    expect(other.customerId).toBe(mine.customerId);
    expect(await changes(first.id)).toBe(1);
  });

  it('answers not_found for what belongs to somebody else, as for what never was', async () => {
    const foreign = await register('foreign', others);
    const sibling = { ...mine, customerId: newId('customer') };
    for (const id of [foreign.id, newId('cluster')]) {
      await expect(getCluster(deps(), mine, id)).rejects.toMatchObject({ code: 'not_found' });
      await expect(deleteCluster(deps(), mine, id)).rejects.toMatchObject({ code: 'not_found' });
      const install = createInstall(deps(), mine, { clusterId: id, namespace: 'x' });
      await expect(install).rejects.toMatchObject({ code: 'not_found' });
    }
    const own = await register('own');
    await expect(getCluster(deps(), sibling, own.id)).rejects.toMatchObject({ code: 'not_found' });
    expect((await listClusters(deps(), sibling, page)).data).toEqual([]);
  });

  it('pages through clusters', async () => {
    const all = (await listClusters(deps(), mine, page)).data.map((cluster) => cluster.id);
    const first = await listClusters(deps(), mine, { limit: 2 });
    expect(first.data.map((cluster) => cluster.id)).toEqual(all.slice(0, 2));
    const rest = await listClusters(deps(), mine, { limit: 50, cursor: first.nextCursor });
    expect(rest.data.map((cluster) => cluster.id)).toEqual(all.slice(2));
    expect(rest.nextCursor).toBeUndefined();
  });

  it('writes the install and the run that prepares it, with every object named after the install', async () => {
    const cluster = await register('install');
    const made = await install(cluster.id, 'shop');
    expect(made).toMatchObject({ app: 'guestbook', version: '1.0.0', namespace: 'shop', state: 'provisioning' });
    expect(await getInstall(deps(), mine, made.id)).toEqual(made);
    expect((await listInstalls(deps(), mine, page)).data).toEqual([made]);
    const run = await runOf(made.provisionRunId ?? '');
    expect(run).toMatchObject({ kind: 'provision', status: 'queued', installId: made.id });
    const manifests = RunPlan.parse(run.plan).steps.flatMap((step) => (step.kind === 'apply' ? step.manifests : []));
    const name = `nm-${made.id.slice(-12)}`;
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`)).toEqual([
      'Namespace -/shop',
      `ServiceAccount shop/${name}`,
      `Role shop/${name}-app`,
      `RoleBinding shop/${name}-app`,
      `ClusterRole -/${name}-wide`,
      `ClusterRoleBinding -/${name}-wide`,
    ]);
    const binding = manifests.at(-1) as { subjects?: unknown; roleRef?: unknown };
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name, namespace: 'shop' }]);
    expect(binding.roleRef).toEqual({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: `${name}-wide`,
    });
    expect(await changes(made.id)).toBe(1);
    expect(made.acceptedClusterRoles).toMatch(/^sha256:[0-9a-f]{64}$/);

    const again = install(cluster.id, 'shop');
    await expect(again).rejects.toMatchObject({ code: 'already_exists' });
    await expect(deleteCluster(deps(), mine, cluster.id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(getInstall(deps(), others, made.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(removeInstall(deps(), others, made.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('shows what an install would be given, and gives cluster-wide roles only when exactly those were accepted', async () => {
    const cluster = await register('accept');
    const place = { clusterId: cluster.id, namespace: 'accept' };
    const shown = await previewInstall(deps(), mine, place);
    expect(shown).toMatchObject({
      version: '1.0.0',
      namespace: 'accept',
      roles: rbac.roles,
      clusterRoles: rbac.clusterRoles,
    });
    for (const accepted of [{}, { acceptClusterRoles: 'sha256:of-others' }])
      await expect(createInstall(deps(), mine, { ...place, ...accepted })).rejects.toMatchObject({
        code: 'cluster_roles_not_accepted',
        extra: { clusterRoles: rbac.clusterRoles, acceptClusterRoles: shown.acceptClusterRoles },
      });
    await expect(previewInstall(deps(), others, place)).rejects.toMatchObject({ code: 'not_found' });
    expect((await listInstalls(deps(), mine, page)).data.map(({ namespace }) => namespace)).not.toContain('accept');
  });

  it('takes no more installs than the licence allows, however many come at once', async () => {
    const cluster = await register('limit');
    const attempts = await Promise.allSettled(['a', 'b', 'c', 'd'].map((namespace) => install(cluster.id, namespace)));
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'install_limit' });
  });

  it('gives place and licence slot back when an install was removed', async () => {
    const [made] = (await listInstalls(deps(), mine, page)).data.filter((each) => each.namespace === 'shop');
    const removal = await removeInstall(deps(), mine, made!.id);
    const run = await runOf(removal.removeRunId);
    expect(run).toMatchObject({ kind: 'remove', installId: made!.id });
    const refs = RunPlan.parse(run.plan).steps.flatMap((step) => (step.kind === 'delete' ? step.refs : []));
    expect(refs.map((ref) => ref.kind)).toEqual([
      'RoleBinding',
      'ClusterRoleBinding',
      'ServiceAccount',
      'Role',
      'ClusterRole',
    ]);
    await setState(made!.id, 'removed');
    await expect(removeInstall(deps(), mine, made!.id)).rejects.toMatchObject({ code: 'conflict' });
    const next = await install(made!.clusterId, 'shop');
    expect(next.id).not.toBe(made!.id);
    await setState(next.id, 'removed');
    await deleteCluster(deps(), mine, next.clusterId);
    await expect(getCluster(deps(), mine, next.clusterId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('installs nothing into the system’s namespaces, and nothing without a published version', async () => {
    const bare = await seedLicensee(database.db);
    const cluster = await register('bare', bare);
    const into = (namespace: string) => createInstall(deps(), bare, { clusterId: cluster.id, namespace });
    await expect(into('kube-system')).rejects.toMatchObject({ code: 'invalid_body' });
    await expect(into('fine')).rejects.toMatchObject({ code: 'no_published_version' });
  });
});
