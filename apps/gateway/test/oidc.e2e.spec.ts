import { recordChange, type Tx } from '@nm/adapters/db';
import { newId } from '@nm/kernel/ids';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setInstance, setLicence, type Tenant } from './tenant.js';

describe('users of a publisher’s own issuer', () => {
  let stage: Stage;
  let upstream: Upstream;
  let issuer: Upstream;
  let acme: Tenant;
  let other: Tenant;
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  const issuerId = newId('oidcIssuer');

  beforeAll(async () => {
    stage = await openStage();
    upstream = await startUpstream();
    pair = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
    issuer = await startUpstream((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    acme = await makeTenant(stage.database.db, 'acme');
    other = await makeTenant(stage.database.db, 'other');
    for (const tenant of [acme, other]) await setInstance(stage.database.db, tenant, { address: upstream.address });
    await write((tx) =>
      tx.oidcIssuer.create({
        data: {
          id: issuerId,
          orgId: acme.orgId,
          name: 'login',
          issuer: 'https://login.acme.example',
          audience: 'nmachine',
          algorithms: ['ES256'],
          mapping: { claim: 'licence', holds: 'licence-id' },
          jwksUri: `http://${issuer.address}/jwks`,
        },
      }),
    );
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
    await issuer.close();
  });

  const write = (work: (tx: Tx) => Promise<unknown>) =>
    stage.database.db.asSystem(async (tx) => {
      await work(tx);
      await recordChange(tx, { kind: 'issuer', id: issuerId, orgId: acme.orgId });
    });
  const tokenFor = (licenceId: string, sub = 'user-1', expires = '5m') =>
    new SignJWT({ licence: licenceId })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('https://login.acme.example')
      .setAudience('nmachine')
      .setSubject(sub)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(pair.privateKey);
  const get = (token: string, org = 'acme') => request(stage.url).get(`/kama/${org}/guestbook/x`).set(bearer(token));

  it('are let in by the licence that their token names, and refused with it', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const token = await tokenFor(licence.id);
    expect((await get(token)).status).toBe(200);
    expect((await get(token)).status).toBe(200);
    expect(issuer.seen).toHaveLength(1);
    await setLicence(stage.database.db, acme, licence.id, 'suspended');
    await expect.poll(async () => (await get(token)).body.code).toBe('licence_suspended');
    await setLicence(stage.database.db, acme, licence.id, 'active');
    await expect.poll(async () => (await get(token)).status).toBe(200);
  });

  it('are nobody at another publisher’s app, with another’s licence, with a wrong key or an old token', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const foreign = await issue(stage.database.db, stage.vault, other);
    const stranger = await generateKeyPair('ES256');
    const forged = await new SignJWT({ licence: licence.id })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('https://login.acme.example')
      .setAudience('nmachine')
      .setSubject('user-1')
      .setExpirationTime('5m')
      .sign(stranger.privateKey);
    expect((await get(await tokenFor(licence.id), 'other')).status).toBe(401);
    expect((await get(await tokenFor(licence.id), 'nobody')).status).toBe(401);
    expect((await get(await tokenFor(foreign.id))).status).toBe(401);
    expect((await get(forged)).status).toBe(401);
    expect((await get(await tokenFor(licence.id, 'user-1', '-5m'))).body.code).toBe('token_expired');
  });

  it('take the seats that the plan counts, each user one', async () => {
    await stage.database.db.asSystem(async (tx) => {
      await tx.plan.update({ where: { id: acme.planId }, data: { limits: { seats: { users: 1 } } } });
      await recordChange(tx, { kind: 'app', id: acme.appId, orgId: acme.orgId });
    });
    const licence = await issue(stage.database.db, stage.vault, acme);
    expect((await get(await tokenFor(licence.id, 'first'))).status).toBe(200);
    expect((await get(await tokenFor(licence.id, 'first'))).status).toBe(200);
    const second = await get(await tokenFor(licence.id, 'second'));
    expect([second.status, second.body.code]).toEqual([402, 'user_seats_exhausted']);
  });

  it('are out once their issuer is switched off', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const token = await tokenFor(licence.id, 'first');
    expect((await get(token)).status).toBe(200);
    await write((tx) => tx.oidcIssuer.update({ where: { id: issuerId }, data: { enabled: false } }));
    await expect.poll(async () => (await get(token)).status).toBe(401);
  });
});
