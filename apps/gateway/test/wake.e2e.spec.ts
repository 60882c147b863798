import pg from 'pg';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, setInstance, setLicence, type Tenant } from './tenant.js';

describe('waking a KAMA', () => {
  let stage: Stage;
  let upstream: Upstream;
  let tenant: Tenant;
  let owner: pg.Client;

  beforeEach(async () => {
    stage = await openStage({ config: { drainMs: 200 } });
    upstream = await startUpstream();
    tenant = await makeTenant(stage.database.db, 'acme', { startSeconds: 60 });
    owner = new pg.Client({ connectionString: stage.database.ownerUrl });
    await owner.connect();
  });
  afterEach(async () => {
    await owner.end();
    await stage.close();
    await upstream.close();
  });
  const rows = async () => (await owner.query('SELECT * FROM instance')).rows;
  const get = (key: string, org = 'acme') => request(stage.url).get(`/kama/${org}/guestbook/api/ping`).set(bearer(key));

  it('wakes one instance for many requests at once, and says how long each waited', async () => {
    const { key } = await issue(stage.database.db, stage.vault, tenant);
    const waiting = Promise.all(Array.from({ length: 20 }, () => get(key).then((answer) => answer)));
    await expect.poll(rows).toHaveLength(1);
    expect((await rows())[0]).toMatchObject({ desired: 'running', observed: 'stopped' });
    await setInstance(stage.database.db, tenant, { observed: 'ready', address: upstream.address });
    const answers = await waiting;
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(Number(answer.headers['nm-wake-ms'])).toBeGreaterThan(0);
    }
    expect(await rows()).toHaveLength(1);
    expect((await get(key)).headers['nm-wake-ms']).toBeUndefined();
  });

  it('gives each install its own instance when the version says so, and asks for an install when there is none', async () => {
    await stage.database.db.asSystem(async (tx) => {
      await tx.appVersion.update({ where: { id: tenant.versionId }, data: { state: 'draft' } });
      const { spec } = await tx.appVersion.findUniqueOrThrow({ where: { id: tenant.versionId } });
      await tx.appVersion.update({
        where: { id: tenant.versionId },
        data: { state: 'published', spec: { ...(spec as object), tenancy: 'install' } },
      });
    });
    const licence = await issue(stage.database.db, stage.vault, tenant);
    const none = await get(licence.key);
    expect([none.status, none.body.code]).toEqual([409, 'install_required']);
    expect(await rows()).toEqual([]);
    const { installId } = await addInstall(stage.database.db, tenant, licence.id);
    // The gateway hears of the install in its own time.
    const untilKnown = async () => {
      for (;;) {
        const answer = await get(licence.key);
        if (answer.status !== 409) return answer;
      }
    };
    const waiting = untilKnown();
    await expect.poll(rows).toHaveLength(1);
    expect((await rows())[0]).toMatchObject({ install_id: installId, slot: `${tenant.versionId}/${installId}` });
    await setInstance(stage.database.db, tenant, { observed: 'ready', address: upstream.address }, installId);
    expect((await waiting).status).toBe(200);
  });

  it('refuses the 101st who waits, with Retry-After', async () => {
    const { key } = await issue(stage.database.db, stage.vault, tenant);
    const waiting = Array.from({ length: 100 }, () => get(key).then((answer) => answer));
    const metrics = () => fetch(`http://127.0.0.1:${stage.gateway.opsPort}/metrics`).then((answer) => answer.text());
    await expect.poll(metrics).toMatch(/nm_gateway_waiting_requests\{[^}]*\} 100/);
    const refused = await get(key);
    expect([refused.status, refused.body.code]).toEqual([503, 'wake_queue_full']);
    expect(refused.headers['retry-after']).toBe('2');
    await setInstance(stage.database.db, tenant, { observed: 'ready', address: upstream.address });
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
  });

  it('gives up after the start time with wake_timeout, and on a crash at once with wake_failed', async () => {
    const hasty = await makeTenant(stage.database.db, 'hasty', { startSeconds: 1 });
    const late = await get((await issue(stage.database.db, stage.vault, hasty)).key, 'hasty');
    expect([late.status, late.body.code, late.headers['retry-after']]).toEqual([503, 'wake_timeout', '2']);
    const { key } = await issue(stage.database.db, stage.vault, tenant);
    const waiting = get(key).then((answer) => answer);
    await expect.poll(rows).toHaveLength(2);
    await setInstance(stage.database.db, tenant, { observed: 'crashed', notBefore: new Date(Date.now() + 30_000) });
    const failed = await waiting;
    expect([failed.status, failed.body.code]).toEqual([503, 'wake_failed']);
    expect(Number(failed.headers['retry-after'])).toBeGreaterThan(25);
    const before = await rows();
    expect((await get(key)).body.code).toBe('wake_failed');
    expect(await rows()).toEqual(before);
  });

  it('refuses a request whose licence was suspended while it waited', async () => {
    const licence = await issue(stage.database.db, stage.vault, tenant);
    const waiting = get(licence.key).then((answer) => answer);
    await expect.poll(rows).toHaveLength(1);
    await setLicence(stage.database.db, tenant, licence.id, 'suspended');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await setInstance(stage.database.db, tenant, { observed: 'ready', address: upstream.address });
    expect((await waiting).body.code).toBe('licence_suspended');
    expect(upstream.seen).toEqual([]);
  });

  it('finds the instance at its new address when the old one refuses connections', async () => {
    const { key } = await issue(stage.database.db, stage.vault, tenant);
    const dead = await startUpstream();
    await setInstance(stage.database.db, tenant, { address: dead.address });
    expect((await get(key)).status).toBe(200);
    await dead.close();
    const waiting = get(key).then((answer) => answer);
    await expect.poll(async () => (await rows())[0].wanted_at).not.toBeNull();
    await setInstance(stage.database.db, tenant, { observed: 'starting', address: null });
    await setInstance(stage.database.db, tenant, { observed: 'ready', address: upstream.address });
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.headers).toHaveProperty('nm-wake-ms');
    expect(upstream.seen).toHaveLength(1);
  });

  it('answers 503 upstream_unreachable when the address stays dead, and tells the store which instances are used', async () => {
    const { key } = await issue(stage.database.db, stage.vault, tenant);
    await setInstance(stage.database.db, tenant, { address: upstream.address });
    expect((await get(key)).status).toBe(200);
    await expect.poll(async () => (await rows())[0].last_used_at).not.toBeNull();
    await upstream.close();
    const answer = await get(key);
    expect([answer.status, answer.body.code]).toEqual([503, 'upstream_unreachable']);
  });
});
