import { Vault } from '@nm/adapters/vault';
import type { LicenseePrincipal } from '@nm/features/access';
import { ContextKeys } from '@nm/features/context';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { type CallFacts, CallRecorder } from './call-recorder.js';
import {
  createKubeconfig,
  instanceKubeconfig,
  listClusterCalls,
  listInstallTokens,
  revokeInstallToken,
  setClusterAccess,
  type TokenDeps,
} from './index.js';

const page = { limit: 50 };
const wanted = { name: 'mine', seconds: 600, readOnly: false };

describe('what a licensee lends of a cluster', () => {
  const clock = new FakeClock();
  let database: TestDatabase;
  let keys: ContextKeys;
  let deps: TokenDeps;
  let mine: LicenseePrincipal;
  let others: LicenseePrincipal;
  let installId: string;

  async function addInstall(who: LicenseePrincipal): Promise<string> {
    const { orgId, appId, licenceId, customerId } = who;
    const [clusterId, id] = [newId('cluster'), newId('install')];
    await database.db.asSystem(async (tx) => {
      const version = await tx.appVersion.findFirstOrThrow({ where: { appId } });
      const server = 'https://127.0.0.1:1';
      await tx.cluster.create({ data: { id: clusterId, orgId, customerId, name: clusterId, server, intake: {} } });
      await tx.install.create({
        data: {
          ...{ id, orgId, appId, licenceId, clusterId, versionId: version.id },
          ...{ namespace: 'shop', serviceAccount: 'nm', state: 'ready' },
        },
      });
    });
    return id;
  }
  const changes = (kind: string, id: string) =>
    database.db.asSystem((tx) => tx.outbox.count({ where: { payload: { equals: { kind, id, orgId: mine.orgId } } } }));
  const facts = (name: string, more: Partial<CallFacts['call']> = {}, install = installId): CallFacts => ({
    ...{ orgId: mine.orgId, licenceId: mine.licenceId, installId: install, requestId: 'req_1' },
    actor: { kind: 'app', id: 'ver_1', name: 'guestbook 1.0.0' },
    call: {
      ...{ verb: 'patch', group: 'apps', version: 'v1', resource: 'deployments', namespace: 'shop', name },
      subresource: undefined,
      ...more,
    },
  });
  const listed = async (query = {}, id = installId) =>
    (await listClusterCalls({ db: database.db }, mine, id, { ...page, ...query })).data;

  beforeAll(async () => {
    database = await createTestDatabase();
    const { db } = database;
    keys = await ContextKeys.open({ db, vault: new Vault(Buffer.alloc(32, 1)), clock });
    deps = { db, clock, keys, gatewayUrl: 'https://gateway.example.com/', gatewayCa: 'PEM' };
    mine = await seedLicensee(db, { rbac: { roles: [], clusterRoles: [] } });
    others = await seedLicensee(db, { rbac: { roles: [], clusterRoles: [] } });
    installId = await addInstall(mine);
  });
  afterAll(() => database.close());

  it('is a kubeconfig with a server, a token of at most an hour, and a namespace', async () => {
    const { token, kubeconfig } = await createKubeconfig(deps, mine, installId, wanted);
    const config = parse(kubeconfig);
    expect(config.clusters[0].cluster).toEqual({
      server: expect.stringMatching(/^https:\/\/gateway\.example\.com\/clusters\/clu_\w+\/proxy$/),
      'certificate-authority-data': 'UEVN',
    });
    expect(config.contexts[0].context.namespace).toBe('shop');
    const text = config.users[0].user.token;
    const claims = await keys.verifyCluster(text);
    expect(claims).toMatchObject({ sub: mine.licenceId, mode: 'full', jti: token.id, install: { id: installId } });
    expect(claims.exp - claims.iat).toBe(600);
    expect(Date.parse(token.expiresAt)).toBe(claims.exp * 1000);
    await expect(keys.verify(text), 'it is no context token').rejects.toMatchObject({ code: 'unauthenticated' });
    const stored = await database.db.asSystem((tx) => tx.installToken.findUniqueOrThrow({ where: { id: token.id } }));
    expect(JSON.stringify(stored)).not.toContain(text.split('.')[2]);
    await expect(keys.signCluster(claims, 3_601)).rejects.toThrow('an hour at most');
  });

  it('is listed and revoked by its owner, and known to nobody else', async () => {
    await clock.advance(1_000);
    const { token } = await createKubeconfig(deps, mine, installId, { ...wanted, readOnly: true });
    expect((await listInstallTokens(deps, mine, installId, page)).data[0]).toEqual(token);
    for (const attempt of [
      () => createKubeconfig(deps, others, installId, wanted),
      () => listInstallTokens(deps, others, installId, page),
      () => revokeInstallToken(deps, others, installId, token.id),
      () => revokeInstallToken(deps, mine, installId, newId('installToken')),
      () => setClusterAccess(deps, others, installId, { enabled: false }),
      () => listClusterCalls(deps, others, installId, page),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    await revokeInstallToken(deps, mine, installId, token.id);
    const [first] = (await listInstallTokens(deps, mine, installId, { limit: 1 })).data;
    expect(first).toEqual({ ...token, revokedAt: clock.now().toISOString() });
    expect(await changes('install_token', token.id)).toBe(1);
  });

  it('is announced when the door is shut or opened', async () => {
    await setClusterAccess(deps, mine, installId, { enabled: false });
    await setClusterAccess(deps, mine, installId, { enabled: true });
    expect(await changes('install', installId)).toBe(2);
  });

  it('is made for a KAMA that runs for one install, in its own mode, and for no other', async () => {
    const { orgId, appId, licenceId } = mine;
    const { versionId, clusterId } = await database.db.asSystem((tx) =>
      tx.install.findUniqueOrThrow({ where: { id: installId } }),
    );
    const kama = {
      ...{ kind: 'install' as const, orgId, appId, licenceId, versionId, installId, clusterId },
      ...{ namespace: 'shop', mode: 'read-only' as const },
    };
    await expect(instanceKubeconfig(deps, kama)).rejects.toMatchObject({ code: 'not_found' });
    const id = newId('instance');
    const place = { slot: id, desired: 'running', observed: 'ready' };
    await database.db.asSystem((tx) =>
      tx.instance.create({ data: { id, orgId, appId, versionId, installId, ...place } }),
    );
    const { token, kubeconfig } = await instanceKubeconfig(deps, kama);
    expect(token).toMatchObject({ instanceId: id, createdBy: id, mode: 'read-only' });
    expect(await keys.verifyCluster(parse(kubeconfig).users[0].user.token)).toMatchObject({ instance: id });
    const other = { ...kama, installId: await addInstall(mine) };
    await expect(instanceKubeconfig(deps, other)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is recorded: what is open at once, how it ended when it has, in pages and by filters', async () => {
    const recorder = new CallRecorder({ db: database.db, clock });
    const id = await addInstall(mine);
    const shell = recorder.open(
      facts('web', { verb: 'connect', subresource: 'exec', resource: 'pods', group: '' }, id),
    );
    await clock.advance(1);
    const patch = recorder.open(facts('web', {}, id));
    await recorder.flush();
    expect(await listed({}, id)).toMatchObject([{ verb: 'connect', name: 'web' }]);
    expect((await listed({}, id))[0]).not.toHaveProperty('status');
    await clock.advance(5_000);
    shell.ended(101, 'token_revoked');
    patch.ended(200, undefined);
    const create = recorder.open(facts('', { verb: 'create', name: undefined }, id));
    create.named('made\0up');
    create.ended(409, undefined);
    await recorder.flush();
    const all = await listed({}, id);
    expect(all.map(({ verb, name, status, code }) => [verb, name, status, code])).toEqual([
      ['create', 'made\ufffdup', 409, undefined],
      ['patch', 'web', 200, undefined],
      ['connect', 'web', 101, 'token_revoked'],
    ]);
    expect(all[2]?.endedAt).toBe(clock.now().toISOString());
    expect((await listed({ result: 'failed' }, id)).map(({ verb }) => verb)).toEqual(['create', 'connect']);
    expect((await listed({ result: 'succeeded' }, id)).map(({ verb }) => verb)).toEqual(['patch']);
    expect((await listed({ resource: 'pods' }, id)).length).toBe(1);
    expect((await listed({ since: clock.now().toISOString() }, id)).map(({ verb }) => verb)).toEqual(['create']);
    const first = await listClusterCalls({ db: database.db }, mine, id, { limit: 2 });
    const rest = await listClusterCalls({ db: database.db }, mine, id, { limit: 2, cursor: first.nextCursor });
    expect([...first.data, ...rest.data]).toEqual(all);
  });

  it('loses nothing silently: a store that is away is tried again, and what there is no room for is counted in the record', async () => {
    const id = await addInstall(mine);
    const busy = await addInstall(mine);
    let away = true;
    const db = {
      asSystem: ((work) => {
        if (away) throw new Fault('store_unavailable');
        return database.db.asSystem(work);
      }) as typeof database.db.asSystem,
    };
    const counts = { written: 0, dropped: 0 };
    const recorder = new CallRecorder({
      ...{ db, clock, pendingMax: 8 },
      onWritten: (count) => {
        counts.written += count;
      },
      onDropped: (count) => {
        counts.dropped += count;
      },
    });
    for (let i = 0; i < 7; i++) recorder.open(facts(`busy-${i}`, {}, busy)).ended(200, undefined);
    recorder.open(facts('quiet', {}, id)).ended(200, undefined);
    for (let i = 0; i < 3; i++) await expect(recorder.flush()).rejects.toMatchObject({ code: 'store_unavailable' });
    away = false;
    await recorder.flush();
    expect(recorder.pending).toBe(0);
    expect((await listed({}, id)).map(({ name }) => name)).toEqual(['quiet']);
    const ofBusy = await listed({}, busy);
    expect(
      ofBusy
        .filter(({ kind }) => kind === 'call')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['busy-0', 'busy-1']);
    expect(ofBusy.filter(({ kind }) => kind === 'missed').map(({ count }) => count)).toEqual([5]);
    expect(counts).toEqual({ written: 4, dropped: 5 });
  });

  it('goes on when a licence is gone meanwhile', async () => {
    const id = await addInstall(mine);
    const recorder = new CallRecorder({ db: database.db, clock });
    recorder.open({ ...facts('orphan', {}, id), licenceId: newId('licence') }).ended(200, undefined);
    recorder.open(facts('kept', {}, id)).ended(200, undefined);
    await recorder.flush();
    expect((await listed({}, id)).map(({ name }) => name)).toEqual(['kept']);
  });
});
