import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { Db } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { RotationReport } from '@nm/kernel/contracts';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminTarget } from '../../../testing/admin-target.js';
import { describeWith } from '../../../testing/needs.js';
import { seedLicensee } from '../../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { ClusterSessions } from '../cluster-sessions.js';
import { sealCredential } from '../credential.js';
import { credentialInfo } from '../credential-info.js';
import { registerCluster } from '../register-cluster.js';
import { scriptOf } from '../setup-script.js';
import { careOnce, pruneChecks } from './cluster-care.js';
import { rotateCredential } from './rotate-credential.js';

const many = 1_000;

describeWith(['kubernetes'], 'the care for registered clusters', () => {
  const vault = new Vault(randomKeyBytes(32));
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
  const namespace = `care-${newId('request').slice(-10)}`;
  let database: TestDatabase;
  let sessions: ClusterSessions;
  let principal: Awaited<ReturnType<typeof seedLicensee>>;
  let admin: KubeSession;
  const errors: unknown[] = [];
  /** As large a pool as a worker has. */
  let db: Db;
  const deps = () => ({ db, vault, policy, clock, sessions });
  const care = () => ({
    ...deps(),
    onError: (error: unknown) => void errors.push(error),
    checkEveryMs: 3_600_000,
    keepMs: 60_000,
  });
  const rowOf = (id: string) => database.db.asSystem((tx) => tx.cluster.findUniqueOrThrow({ where: { id } }));

  beforeAll(async () => {
    database = await createTestDatabase();
    db = new Db({ url: database.url, poolMax: 16 });
    sessions = new ClusterSessions(deps());
    principal = await seedLicensee(database.db);
    admin = new KubeSession(await adminTarget(), { policy });
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 't' });
    const script = scriptOf(namespace, { roles: [], clusterRoles: [] });
    const { items } = JSON.parse(/<<'NMACHINE_MANIFESTS'\n([\s\S]*?)\nNMACHINE_MANIFESTS/.exec(script)?.[1] ?? '{}');
    for (const object of items) await admin.apply(object, { fieldManager: 't' });
  });
  afterAll(async () => {
    await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await Promise.all([admin.close(), sessions.close()]);
    await db.close();
    await database.close();
  });

  async function register(name: string): Promise<string> {
    const { server, ca } = await adminTarget();
    const { token } = await admin.requestToken(namespace, 'nmachine', 3_600);
    const body = { name, server, token, ...(ca ? { ca } : {}), allowInsecureTls: false };
    return (await registerCluster(deps(), principal, body)).id;
  }

  it('replaces a token, and sees the cluster refuse the old one where it can be ended', async () => {
    const id = await register('rotated');
    const held = await sessions.forCluster(id);
    await held.version();
    const first = await rotateCredential(deps(), id);
    expect(first).toMatchObject({ outcome: 'rotated', previous: 'alive', aliveUntil: expect.any(String) });
    const second = await rotateCredential(deps(), id);
    expect(second).toMatchObject({ outcome: 'rotated', previous: 'dead' });
    // The session that was open all the time goes on, and so does one of a process that knows nothing of it.
    expect(await held.version()).toMatch(/^v1\./);
    const row = await rowOf(id);
    expect(row.rotateAt?.getTime()).toBeGreaterThan(clock.nowMs());
    expect(row.rotateAt?.getTime()).toBeLessThan(row.credentialExpiresAt?.getTime() ?? 0);
  });

  it('ends each old token under the feet of those who work with it, and fails none of their work', async () => {
    const id = await register('worked-on');
    // The first one is no child of ours: nothing that we could delete ends it.
    expect(await rotateCredential(deps(), id)).toMatchObject({ outcome: 'rotated', previous: 'alive' });
    // Another process, which nobody tells of a new token: it is refused, and reads it.
    const elsewhere = new ClusterSessions(deps());
    const failures: unknown[] = [];
    const worked = [0, 0];
    let over = false;
    const work = async (from: ClusterSessions, index: 0 | 1): Promise<void> => {
      while (!over) {
        const session = await from.forCluster(id);
        await session.version().then(
          () => worked[index]!++,
          (error: unknown) => failures.push(error),
        );
      }
    };
    const allWorked = async () => {
      const before = [...worked];
      await expect
        .poll(() => worked.every((count, index) => count > before[index]! + 2), { timeout: 60_000 })
        .toBe(true);
    };
    const working = [work(sessions, 0), work(sessions, 0), work(elsewhere, 1)];
    for (let round = 0; round < 2; round++) {
      await allWorked();
      expect(await rotateCredential(deps(), id)).toMatchObject({ outcome: 'rotated', previous: 'dead' });
    }
    await allWorked();
    over = true;
    await Promise.all(working);
    await elsewhere.close();
    expect(failures).toEqual([]);
  });

  it('keeps what it has, and says why, when the cluster gives no new token', async () => {
    const id = await register('refused');
    await database.db.asSystem(async (tx) =>
      tx.cluster.update({
        where: { id },
        data: { credential: await sealCredential(vault, { id, orgId: principal.orgId }, { token: 'dead.dead.dead' }) },
      }),
    );
    expect(await rotateCredential(deps(), id)).toMatchObject({ outcome: 'failed', message: expect.any(String) });
    expect((await rowOf(id)).rotation).toMatchObject({ outcome: 'failed' } satisfies Partial<RotationReport>);
  });

  it('checks the living while the dead keep it waiting, and keeps their history for a while', async () => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const server = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    for (const index of [1, 2, 3])
      await registerCluster(deps(), principal, { name: `dead-${index}`, server, token: 'x', allowInsecureTls: false });
    const living = await register('living');
    const work = careOnce({ ...care(), lanes: 4 });
    await expect.poll(async () => (await rowOf(living)).health, { timeout: 20_000 }).toBe('reachable');
    const waiting = await database.db.asSystem((tx) => tx.cluster.count({ where: { health: 'unknown' } }));
    expect(waiting).toBeGreaterThanOrEqual(3);
    await work;
    const dead = await database.db.asSystem((tx) => tx.cluster.findMany({ where: { name: { startsWith: 'dead-' } } }));
    expect(dead.map(({ health }) => health)).toEqual(['unreachable', 'unreachable', 'unreachable']);
    expect(await careOnce(care())).toBe(0);
    const [record] = await database.db.asSystem((tx) => tx.clusterCheck.findMany({ where: { clusterId: living } }));
    expect(record).toMatchObject({
      health: 'reachable',
      version: expect.stringMatching(/^v1\./),
      credentialExpiresAt: expect.any(Date),
    });
    expect(record?.latencyMs).toBeGreaterThanOrEqual(0);
    expect(await pruneChecks({ ...care(), keepMs: 3_600_000 })).toBe(0);
    expect(await pruneChecks({ ...care(), keepMs: -1_000 })).toBeGreaterThan(3);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it(`rotates ${many} clusters while they are worked on, and fails no work`, async () => {
    const { server, ca } = await adminTarget();
    const { token } = await admin.requestToken(namespace, 'nmachine', 3_600);
    const info = credentialInfo({ token });
    const { orgId, customerId } = principal;
    const rows = await Promise.all(
      Array.from({ length: many }, async (_, index) => {
        const id = newId('cluster');
        const credential = await sealCredential(vault, { id, orgId }, { token });
        const later = new Date(clock.nowMs() + 3_600_000);
        return {
          id,
          orgId,
          customerId,
          name: `many-${index}`,
          server,
          caData: ca ?? null,
          credential,
          credentialInfo: info,
          rotateAt: clock.now(),
          checkAt: later,
          intake: {},
        };
      }),
    );
    await database.db.asSystem((tx) => tx.cluster.createMany({ data: rows }));
    // The Secrets' names are two per ServiceAccount; so many clusters on one would end each other's tokens.
    await admin.delete({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      name: 'nmachine',
      namespace,
    });
    await admin.apply(tokenRole(namespace), { fieldManager: 't' });
    await admin.apply(tokenBinding(namespace), { fieldManager: 't' });
    const asWhom = new KubeSession({ server, ca, token }, { policy });
    const may = async (resource: string) =>
      (await asWhom.can({ verb: 'create', group: '', resource, namespace })).allowed;
    await expect
      .poll(() => Promise.all([may('secrets'), may('serviceaccounts/token')]), { timeout: 20_000 })
      .toEqual([false, true]);
    await asWhom.close();
    const failures: unknown[] = [];
    let over = false;
    let worked = 0;
    const runs = async (start: number): Promise<void> => {
      for (let index = start; !over; index += 37) {
        const session = await sessions.forCluster(rows[index % many]?.id ?? '');
        await session.version().then(
          () => worked++,
          (error: unknown) => failures.push(error),
        );
      }
    };
    const running = [runs(0), runs(500)];
    while ((await careOnce(care())) > 0);
    over = true;
    await Promise.all(running);
    const after = await database.db.asSystem((tx) => tx.cluster.findMany({ where: { name: { startsWith: 'many-' } } }));
    expect(after.filter(({ rotation }) => (rotation as RotationReport | null)?.outcome === 'rotated')).toHaveLength(
      many,
    );
    expect(worked).toBeGreaterThan(50);
    expect(failures).toEqual([]);
    expect(errors).toEqual([]);
  }, 600_000);

  it('tells that a credential has lost what an install needs, and when it has it again', async () => {
    const rbac = {
      roles: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }] }],
    };
    const owner = await seedLicensee(database.db, { rbac: { ...rbac, clusterRoles: [] } });
    const { token } = await admin.requestToken(namespace, 'nmachine', 3_600);
    const { server, ca } = await adminTarget();
    const access = { server, ca: ca ?? '', token, allowInsecureTls: false };
    const { id } = await registerCluster(deps(), owner, { name: 'watched', ...access });
    const { orgId, appId, licenceId } = owner;
    await database.db.asSystem(async (tx) => {
      const version = await tx.appVersion.findFirstOrThrow({ where: { appId } });
      const place = { clusterId: id, namespace, serviceAccount: 'nm-x', state: 'ready' };
      await tx.install.create({
        data: { id: newId('install'), orgId, appId, licenceId, versionId: version.id, ...place },
      });
    });
    const look = async (permissionsEveryMs: number) => {
      await database.db.asSystem((tx) => tx.cluster.update({ where: { id }, data: { checkAt: new Date(0) } }));
      await careOnce({ ...care(), permissionsEveryMs });
      const { health, healthMessage } = await rowOf(id);
      return `${health}: ${healthMessage}`;
    };
    // The script was made for a version that asks for nothing, so its Role grants no Roles.
    expect(await look(0)).toMatch(
      /^reachable: .* lacks permissions that the installs need: .* in care-.* and \d+ more\.$/,
    );
    const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    const rbacGroup = 'rbac.authorization.k8s.io';
    await admin.apply(
      { apiVersion: `${rbacGroup}/v1`, kind: 'Role', metadata: { name: 'all', namespace }, rules },
      { fieldManager: 't' },
    );
    const subjects = [{ kind: 'ServiceAccount', name: 'nmachine', namespace }];
    const roleRef = { apiGroup: rbacGroup, kind: 'Role', name: 'all' };
    await admin.apply(
      { apiVersion: `${rbacGroup}/v1`, kind: 'RoleBinding', metadata: { name: 'all', namespace }, roleRef, subjects },
      { fieldManager: 't' },
    );
    expect(await look(3_600_000)).toContain('lacks permissions');
    await expect.poll(() => look(0), { timeout: 30_000 }).toContain('has all permissions that the installs need');
    const checks = await database.db.asSystem((tx) =>
      tx.clusterCheck.findMany({ where: { clusterId: id }, orderBy: { id: 'asc' } }),
    );
    expect(checks[0]?.missing).toBeGreaterThan(0);
    expect(checks[1]?.missing).toBeNull();
    expect(checks.at(-1)?.missing).toBe(0);
  });
});

const tokenRole = (namespace: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'tokens', namespace },
  rules: [{ apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] }],
});
const tokenBinding = (namespace: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'tokens', namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tokens' },
  subjects: [{ kind: 'ServiceAccount', name: 'nmachine', namespace }],
});
