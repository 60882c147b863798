import { once } from 'node:events';
import { connect } from 'node:net';
import { Secret } from '@nm/adapters/config';
import { createLogger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { FakeClock } from '@nm/kernel/time';
import pg from 'pg';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWire } from '../../../libs/testing/tcp-wire.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { type Gateway, startGateway } from '../src/start-gateway.js';
import { bearer, gatewayConfig, masterKey, openStage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setInstance, setLicence, type Tenant } from './tenant.js';

/** The machine may be busy. */
const patient = { timeout: 30_000 };

describe('the gateway and its store', () => {
  const vault = new Vault(masterKey);
  const closers: (() => Promise<unknown>)[] = [];
  let upstream: Upstream;
  let database: TestDatabase;
  let tenant: Tenant;
  beforeEach(async () => {
    database = await createTestDatabase();
    upstream = await startUpstream();
    tenant = await makeTenant(database.db, 'acme');
    await setInstance(database.db, tenant, { address: upstream.address });
    closers.push(
      () => database.close(),
      () => upstream.close(),
    );
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const status = async (gateway: Gateway, key: string) => {
    const answer = await request(`http://127.0.0.1:${gateway.port}`).get('/kama/acme/guestbook/x').set(bearer(key));
    return answer.body.code ?? answer.status;
  };
  const start = async (url: string, clock = new FakeClock()) => {
    const config = { ...gatewayConfig(url), databaseUrl: new Secret(url) };
    const gateway = await startGateway(config, { clock, log: createLogger('gateway', 'silent') });
    closers.push(() => gateway.drain());
    return { gateway, clock };
  };

  it('heals a lost message by its version check', async () => {
    const { gateway, clock } = await start(database.url);
    const licence = await issue(database.db, vault, tenant);
    expect(await status(gateway, licence.key)).toBe(200);
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    closers.push(() => owner.end());
    await owner.query('ALTER TABLE outbox DISABLE TRIGGER outbox_notify');
    await setLicence(database.db, tenant, licence.id, 'suspended');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await status(gateway, licence.key)).toBe(200);
    await clock.advance(2_000);
    await expect.poll(() => status(gateway, licence.key), patient).toBe('licence_suspended');
  });

  it('sees a change whose transaction was open while later ones were already seen', async () => {
    const { gateway, clock } = await start(database.url);
    const licence = await issue(database.db, vault, tenant);
    expect(await status(gateway, licence.key)).toBe(200);
    const slow = new pg.Client({ connectionString: database.ownerUrl });
    await slow.connect();
    closers.push(() => slow.end());
    await slow.query('ALTER TABLE outbox DISABLE TRIGGER outbox_notify');
    await slow.query('BEGIN');
    await slow.query(`UPDATE licence SET state = 'revoked' WHERE id = $1`, [licence.id]);
    await slow.query(`INSERT INTO outbox (topic, org_id, payload) VALUES ('change', $1, $2)`, [
      tenant.orgId,
      { kind: 'licence', id: licence.id, orgId: tenant.orgId },
    ]);
    await setLicence(database.db, tenant, (await issue(database.db, vault, tenant)).id, 'suspended');
    for (let i = 0; i < 3; i++) {
      await clock.advance(2_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await status(gateway, licence.key)).toBe(200);
    await slow.query('COMMIT');
    await clock.advance(2_000);
    await expect.poll(() => status(gateway, licence.key), patient).toBe('licence_revoked');
  });

  it('goes on from memory for a minute without the store, then says no to everybody, and recovers', async () => {
    const wire = await startWire(database.url);
    const { gateway, clock } = await start(wire.url);
    const [known, unknown] = [await issue(database.db, vault, tenant), await issue(database.db, vault, tenant)];
    expect(await status(gateway, known.key)).toBe(200);
    await wire.cut();
    expect(await status(gateway, known.key)).toBe(200);
    expect(await status(gateway, unknown.key)).toBe('licence_unverifiable');
    await clock.advance(59_000);
    expect(await status(gateway, known.key)).toBe(200);
    const ready = () => fetch(`http://127.0.0.1:${gateway.opsPort}/readyz`).then((answer) => answer.status);
    expect(await ready()).toBe(200);
    await clock.advance(1_500);
    expect(await status(gateway, known.key)).toBe('licence_unverifiable');
    expect(await ready()).toBe(503);
    // What happened meanwhile is seen before anybody is let in again.
    await setLicence(database.db, tenant, known.id, 'revoked');
    await wire.mend();
    await expect
      .poll(async () => {
        await clock.advance(2_000);
        return status(gateway, known.key);
      }, patient)
      .toBe('licence_revoked');
    expect(await status(gateway, unknown.key)).toBe(200);
    closers.push(() => wire.cut());
  });

  it('says no to everybody a minute after the store hangs without a word, and recovers when it answers again', {
    timeout: 120_000,
  }, async () => {
    const wire = await startWire(database.url);
    closers.push(() => wire.cut());
    const { gateway, clock } = await start(wire.url);
    const [known, unknown] = [await issue(database.db, vault, tenant), await issue(database.db, vault, tenant)];
    expect(await status(gateway, known.key)).toBe(200);
    wire.swallow();
    await clock.advance(2_000);
    expect(await status(gateway, known.key)).toBe(200);
    // Whoever has to be looked up hears after a while that this cannot be done; nobody is let in, and nobody waits for ever.
    expect(await status(gateway, unknown.key)).toBe('licence_unverifiable');
    await clock.advance(57_000);
    expect(await status(gateway, known.key)).toBe(200);
    await clock.advance(3_000);
    expect(await status(gateway, known.key)).toBe('licence_unverifiable');
    await setLicence(database.db, tenant, known.id, 'revoked');
    wire.release();
    const soon = { timeout: 60_000, interval: 200 };
    const later = async (key: string) => {
      await clock.advance(500);
      return status(gateway, key);
    };
    await expect.poll(() => later(known.key), soon).toBe('licence_revoked');
    await expect.poll(() => later(unknown.key), soon).toBe(200);
  });

  it('hears of changes again after the connection that listens was lost without a word', {
    timeout: 120_000,
  }, async () => {
    const wire = await startWire(database.url);
    closers.push(() => wire.cut());
    // The version check never comes: the clock stands still.
    const { gateway } = await start(wire.url);
    const licence = await issue(database.db, vault, tenant);
    expect(await status(gateway, licence.key)).toBe(200);
    wire.swallow();
    wire.release();
    await setLicence(database.db, tenant, licence.id, 'suspended');
    await expect.poll(() => status(gateway, licence.key), { timeout: 60_000, interval: 200 }).toBe('licence_suspended');
  });

  it('gives a place back that is booked for nobody: the client left while its licence was looked up', {
    timeout: 120_000,
  }, async () => {
    const wire = await startWire(database.url);
    closers.push(() => wire.cut());
    await database.db.asSystem((tx) =>
      tx.plan.update({ where: { id: tenant.planId }, data: { limits: { concurrency: 1 } } }),
    );
    const { gateway } = await start(wire.url);
    const licence = await issue(database.db, vault, tenant);
    wire.pause();
    const client = connect(gateway.port, '127.0.0.1');
    client.write(`GET /kama/acme/guestbook/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${licence.key}\r\n\r\n`);
    await expect.poll(() => wire.heldBytes, patient).toBeGreaterThan(0);
    client.destroy();
    await once(client, 'close');
    const metrics = () => fetch(`http://127.0.0.1:${gateway.opsPort}/metrics`).then((answer) => answer.text());
    await expect.poll(metrics, patient).toMatch(/nm_gateway_connections\{side="client"[^}]*\} 0/);
    wire.resume();
    await expect.poll(() => status(gateway, licence.key), patient).toBe(200);
    expect(await metrics()).toMatch(/nm_gateway_limit_slots_in_use\{[^}]*\} 0/);
  });

  it('works as one with a second gateway: same keys, one change reaches both', async () => {
    const [first, second] = [await openStageOn(database), await openStageOn(database)];
    const licence = await issue(database.db, vault, tenant);
    expect(await Promise.all([status(first, licence.key), status(second, licence.key)])).toEqual([200, 200]);
    const jwks = await Promise.all(
      [first, second].map(({ port }) =>
        fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`).then((answer) => answer.json()),
      ),
    );
    expect(jwks[0]).toEqual(jwks[1]);
    await setLicence(database.db, tenant, licence.id, 'suspended');
    for (const gateway of [first, second])
      await expect.poll(() => status(gateway, licence.key), patient).toBe('licence_suspended');
  });

  const openStageOn = async (on: TestDatabase): Promise<Gateway> => {
    const stage = await openStage({ config: { databaseUrl: new Secret(on.url) } });
    closers.push(() => stage.close());
    return stage.gateway;
  };
});
