import type { AddressInfo } from 'node:net';
import { EgressPolicy } from '@nm/adapters/egress';
import { Vault } from '@nm/adapters/vault';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi, statusOf } from '../../testing/fake-kube-api.js';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { ClusterSessions } from './cluster-sessions.js';
import { sealCredential } from './credential.js';

describe('a token that the cluster refuses at once, as one does that forgets what it has checked', () => {
  const vault = new Vault(randomKeyBytes(32));
  let database: TestDatabase;
  let api: FakeKubeApi;
  let sessions: ClusterSessions;
  let clusterId: string;
  let installId: string;
  let orgId: string;
  /** What the cluster takes now. */
  let good: string;
  let minted = 0;
  const tokens = () => api.seen.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));

  beforeAll(async () => {
    [database, api] = await Promise.all([createTestDatabase(), FakeKubeApi.open()]);
    const licensee = await seedLicensee(database.db, { rbac: { roles: [], clusterRoles: [] } });
    const { appId, licenceId, customerId } = licensee;
    orgId = licensee.orgId;
    clusterId = newId('cluster');
    installId = newId('install');
    const { port } = api.server.address() as AddressInfo;
    const where = { server: `https://127.0.0.1:${port}`, caData: api.certified.certificate };
    await database.db.asSystem(async (tx) => {
      const version = await tx.appVersion.findFirstOrThrow({ where: { appId } });
      await tx.cluster.create({ data: { id: clusterId, orgId, customerId, name: 'c', ...where, intake: {} } });
      const place = { clusterId, namespace: 'shop', serviceAccount: 'nm-x', state: 'ready' };
      await tx.install.create({
        data: { id: installId, orgId, appId, licenceId, versionId: version.id, ...place },
      });
    });
  });
  beforeEach(() => {
    const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
    sessions = new ClusterSessions({ db: database.db, vault, policy, clock });
    api.reset();
    api.intercept = ({ method, path, headers }, response) => {
      if (headers.authorization !== `Bearer ${good}` && headers.authorization !== 'Bearer issuer')
        api.json(response, 401, statusOf(401, 'Unauthorized'));
      else if (method === 'POST' && path.endsWith('/serviceaccounts/nm-x/token')) {
        const expirationTimestamp = new Date(clock.nowMs() + 3_600_000).toISOString();
        api.json(response, 201, { status: { token: `minted-${++minted}`, expirationTimestamp } });
      } else api.json(response, 200, { gitVersion: 'v1.36.0' });
      return true;
    };
    return () => sessions.close();
  });
  afterAll(async () => {
    api.close();
    await database.close();
  });

  /** As another process does that has rotated it: no session here is told. */
  const store = async (token: string): Promise<void> => {
    const credential = await sealCredential(vault, { id: clusterId, orgId }, { token });
    await database.db.asSystem((tx) => tx.cluster.update({ where: { id: clusterId }, data: { credential } }));
  };

  it('is looked up in the store, and the request goes on with the one that took its place', async () => {
    await store('first');
    good = 'first';
    const session = await sessions.forCluster(clusterId);
    await session.version();
    await store('second');
    good = 'second';
    expect(await session.version()).toBe('v1.36.0');
    await session.version();
    expect(tokens()).toEqual(['first', 'first', 'second', 'second']);
  });

  it('is an unauthorised cluster when the store has no better one', async () => {
    await store('stale');
    good = 'another';
    const session = await sessions.forCluster(clusterId);
    await expect(session.version()).rejects.toMatchObject({ code: 'cluster_unauthorized' });
    expect(tokens()).toEqual(['stale', 'stale']);
  });

  it('is minted anew for an install', async () => {
    await store('issuer');
    good = 'minted-1';
    const session = await sessions.forInstall(installId);
    await session.version();
    good = 'minted-2';
    expect(await session.version()).toBe('v1.36.0');
    expect(tokens()).toEqual(['issuer', 'minted-1', 'minted-1', 'issuer', 'minted-2']);
  });
});
