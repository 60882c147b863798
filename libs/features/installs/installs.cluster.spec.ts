import { readFile } from 'node:fs/promises';
import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeSession, readinessOf } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { LicenseePrincipal } from '@nm/features/access';
import { ClusterSessions, registerCluster } from '@nm/features/clusters';
import { type Install, type RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { createInstall } from './create-install.js';
import { previewInstall } from './preview-install.js';
import { removeInstall } from './remove-install.js';

const rbac: RbacPolicy = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch'] },
        { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['own'] },
      ],
    },
  ],
  clusterRoles: [{ name: 'nodes', rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }] }],
};
const manager = 'nm-test';

describeWith(['kubernetes'], 'an install on a real cluster', () => {
  const vault = new Vault(randomKeyBytes(32));
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
  const namespace = `ins-${newId('request').slice(-10)}`;
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let principal: LicenseePrincipal;
  let admin: KubeSession;
  let install: Install;
  const deps = () => ({ db: database.db, vault, policy, clock, sessions });

  beforeAll(async () => {
    database = await createTestDatabase();
    sessions = new ClusterSessions(deps());
    principal = await seedLicensee(database.db, { rbac });
    const kubeconfig = await readFile(inject('kubeconfigPath'), 'utf8');
    const cluster = await registerCluster(deps(), principal, { name: 'k', kubeconfig, allowInsecureTls: false });
    admin = await sessions.forCluster(cluster.id);
    const place = { clusterId: cluster.id, namespace };
    const { acceptClusterRoles = '' } = await previewInstall(deps(), principal, place);
    install = await createInstall(deps(), principal, { ...place, acceptClusterRoles });
  });
  afterAll(async () => {
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await sessions.close();
    await database.close();
  });

  const planOf = async (runId: string): Promise<RunPlan> => {
    const run = await database.db.asSystem((tx) => tx.run.findUniqueOrThrow({ where: { id: runId } }));
    return RunPlan.parse(run.plan);
  };

  /** What the worker does with a plan, without its journal. */
  async function perform(plan: RunPlan): Promise<void> {
    for (const step of plan.steps) {
      if (step.kind === 'apply')
        for (const manifest of step.manifests) await admin.apply(manifest, { namespace, fieldManager: manager });
      if (step.kind === 'delete') for (const ref of step.refs) await admin.delete(ref, namespace);
      if (step.kind === 'await')
        for (const ref of step.refs)
          await expect.poll(async () => readinessOf((await admin.get(ref, namespace)) ?? {}).state).toBe('ready');
    }
  }

  const setState = (state: string) =>
    database.db.asSystem((tx) => tx.install.update({ where: { id: install.id }, data: { state } }));

  it('is not usable before its provisioning run has ended well', async () => {
    await expect(sessions.forInstall(install.id)).rejects.toMatchObject({ code: 'install_not_ready' });
    await perform(await planOf(install.provisionRunId ?? ''));
    await setState('ready');
    const found = await admin.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    expect(found?.metadata?.labels).toMatchObject({ managed_by: 'nmachine' });
  });

  it('can do what the version’s policy grants', async () => {
    const session = await sessions.forInstall(install.id);
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kamafile', namespace },
      data: { a: '1' },
    };
    await session.apply(configMap, { fieldManager: manager });
    expect((await session.get(configMapRef(namespace)))?.['data']).toEqual({ a: '1' });
    expect((await session.list({ apiVersion: 'v1', kind: 'Node' })).items.length).toBeGreaterThanOrEqual(0);
  });

  it('is refused everything else by the cluster itself', async () => {
    const session = await sessions.forInstall(install.id);
    const forbidden = { code: 'cluster_forbidden' };
    await expect(session.delete(configMapRef(namespace))).rejects.toMatchObject(forbidden);
    await expect(session.get(configMapRef('default'))).rejects.toMatchObject(forbidden);
    await expect(session.list({ apiVersion: 'v1', kind: 'Secret', namespace })).rejects.toMatchObject(forbidden);
    await expect(session.list({ apiVersion: 'v1', kind: 'Namespace' })).rejects.toMatchObject(forbidden);
    await expect(session.requestToken(namespace, 'default', 600)).rejects.toMatchObject(forbidden);
    const secret = { apiVersion: 'v1', kind: 'Secret', namespace };
    expect(await session.get({ ...secret, name: 'own' })).toBeUndefined();
    await expect(session.get({ ...secret, name: 'other' })).rejects.toMatchObject(forbidden);
  });

  it('answers questions about itself as the ServiceAccount, never as the registered credential', async () => {
    const session = await sessions.forInstall(install.id);
    const review = await session.request<{ status: { userInfo: { username: string } } }>(
      'POST',
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } },
    );
    expect(review.status.userInfo.username).toMatch(new RegExp(`^system:serviceaccount:${namespace}:nm-`));
  });

  it('asks for one token, however many ask at once', async () => {
    sessions.invalidate('install', install.id);
    const session = await sessions.forInstall(install.id);
    const tokens = await Promise.all(Array.from({ length: 10 }, () => session.authorization()));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^Bearer ey/);
  });

  it('can do nothing any more once its removal has been carried out', async () => {
    const session = await sessions.forInstall(install.id);
    await session.version();
    const removal = await removeInstall(deps(), principal, install.id);
    expect(await removeInstall(deps(), principal, install.id)).toEqual(removal);
    await perform(await planOf(removal.removeRunId));
    // API servers keep verified tokens for ten seconds, but what was granted is withdrawn at once.
    await expect
      .poll(
        () =>
          session.get(configMapRef(namespace)).then(
            () => 'allowed',
            (error: { code: string }) => error.code,
          ),
        {
          timeout: 20_000,
        },
      )
      .not.toBe('allowed');
    const left = await admin.list({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      labelSelector: `nmachine.io/install=${install.id}`,
    });
    expect(left.items).toEqual([]);
    await setState('removed');
    sessions.invalidate('install', install.id);
    await expect(sessions.forInstall(install.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

const configMapRef = (namespace: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: 'kamafile', namespace });
