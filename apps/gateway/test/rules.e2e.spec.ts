import type { Change, Tx } from '@nm/adapters/db';
import type { AccessRule, UsageLimits } from '@nm/kernel/contracts';
import { cohortOf, newId } from '@nm/kernel/ids';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import {
  addInstall,
  issue,
  makeTenant,
  openSession,
  setRules as saveRules,
  setInstance,
  type Tenant,
  writeChange,
} from './tenant.js';

const day = 86_400_000;

describe('rules, limits and pages at the gateway', () => {
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;

  beforeAll(async () => {
    stage = await openStage({ config: { decisionSample: 1 } });
    upstream = await startUpstream((_request, response) =>
      response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'RateLimit-Policy': '"theirs"' }).end('ok'),
    );
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
  });
  let tenants = 0;
  beforeEach(async () => {
    upstream.seen.length = 0;
    acme = await makeTenant(stage.database.db, `acme${tenants++}`);
    await setInstance(stage.database.db, acme, { address: upstream.address });
  });

  const write = (kind: Change['kind'], id: string, work: (tx: Tx) => Promise<unknown>) =>
    writeChange(stage.database.db, acme, [kind, id], work);
  const setRules = (rules: AccessRule[]) => saveRules(stage.database.db, acme, rules);
  const setApp = (data: object) => write('app', acme.appId, (tx) => tx.app.update({ where: { id: acme.appId }, data }));
  const setPlanLimits = (limits: UsageLimits) =>
    write('app', acme.appId, (tx) => tx.plan.update({ where: { id: acme.planId }, data: { limits } }));
  const give = (dates = {}) => issue(stage.database.db, stage.vault, acme, dates);
  const call = (method: 'get' | 'post' | 'options', path: string, headers: Record<string, string> = {}) =>
    request(stage.url)[method](`/kama/${acme.org}/guestbook${path}`).set(headers);
  const codeOf = async (key: string, path = '/api/x') => {
    const { status, body } = await call('get', path, bearer(key));
    return status === 200 ? 200 : body.code;
  };

  it('asks the rules of the app, in order, and takes a new set over at once', async () => {
    const { key } = await give();
    expect(await codeOf(key)).toBe(200);
    await setRules([
      { id: 'open', name: 'open', effect: 'allow', when: `request.path.startsWith("/api/open")` },
      { id: 'shut', name: 'shut', effect: 'deny', when: 'plan.slug == "pro"', message: 'Ask sales@acme.example.' },
    ]);
    await expect.poll(() => codeOf(key)).toBe('rule_denied');
    expect(await codeOf(key, '/api/open/1')).toBe(200);
    const refused = await call('get', '/api/x', bearer(key));
    expect(refused.body).toMatchObject({ code: 'rule_denied', reason: 'Ask sales@acme.example.' });
    await setRules([{ id: 'read', name: 'read', effect: 'read-only', when: 'true' }]);
    await expect.poll(() => codeOf(key)).toBe(200);
    const write = await call('post', '/api/x', bearer(key));
    expect([write.status, write.body.code]).toEqual([403, 'rule_read_only']);
    const token = upstream.seen.at(-1)!.headers['nm-context'] as string;
    expect(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).mode).toBe('read-only');
  });

  it('says no when a stored rule cannot be read', async () => {
    const { key } = await give();
    expect(await codeOf(key)).toBe(200);
    await setRules([{ nonsense: true } as unknown as AccessRule]);
    await expect.poll(() => codeOf(key)).toBe('rule_failed');
  });

  it('tells how the licence stands on refusals too, and where to renew it', async () => {
    await setApp({ renewalUrl: 'https://acme.example/renew' });
    const expired = await give({ expiresAt: new Date(Date.now() - day) });
    const answer = await call('get', '/api/x', bearer(expired.key));
    expect([answer.status, answer.body.code]).toEqual([403, 'licence_expired']);
    expect(answer.body.renewalUrl).toBe('https://acme.example/renew');
    expect(answer.headers['nm-licence-state']).toBe('expired');
    expect(new Date(answer.headers['nm-licence-expires']!).getTime()).toBeLessThan(Date.now());
    const suspended = await give({ state: 'suspended' });
    const refused = await call('get', '/api/x', bearer(suspended.key));
    expect(refused.headers['nm-licence-state']).toBe('suspended');
    expect(refused.body).not.toHaveProperty('renewalUrl');
  });

  it('holds requests to the plan’s rate and says what is left, the licence’s own numbers and not the app’s', async () => {
    await setPlanLimits({ requestsPerSecond: 0.01, burst: 3 });
    const { key } = await give();
    const first = await call('get', '/api/x', bearer(key));
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"licence";q=3;w=300',
      ratelimit: '"licence";r=2;t=100',
    });
    expect([await codeOf(key), await codeOf(key)]).toEqual([200, 200]);
    const refused = await call('get', '/api/x', bearer(key));
    expect([refused.status, refused.body.code, refused.body.scope]).toEqual([429, 'rate_limited', 'licence']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(90);
    expect(refused.headers['ratelimit']).toBe('"licence";r=0;t=300');
    expect(await codeOf((await give()).key)).toBe(200);
  });

  it('holds all licences of an organisation to what it may use', async () => {
    const [one, other] = [await give(), await give()];
    expect(await codeOf(one.key)).toBe(200);
    const limits = { requestsPerSecond: 0.001, burst: 2 };
    await write('app', acme.appId, (tx) => tx.org.update({ where: { id: acme.orgId }, data: { limits } }));
    await expect.poll(() => codeOf(one.key)).toBe('rate_limited');
    const refused = await call('get', '/api/x', bearer(other.key));
    expect([refused.status, refused.body.code, refused.body.scope]).toEqual([429, 'rate_limited', 'org']);
    expect(refused.headers).not.toHaveProperty('ratelimit');
  });

  it('bounds what is open at once, bodies and bytes of a day', async () => {
    await setApp({ limits: { concurrency: 1 } });
    const { key } = await give();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = await startUpstream((_request, response) => void held.then(() => response.end('late')));
    await setInstance(stage.database.db, acme, { address: slow.address });
    const waiting = call('get', '/api/x', bearer(key)).then((answer) => answer.status);
    await expect.poll(() => slow.seen.length).toBe(1);
    const refused = await call('get', '/api/x', bearer(key));
    expect([refused.status, refused.body.code, refused.body.scope]).toEqual([429, 'concurrency_limited', 'app']);
    release();
    expect(await waiting).toBe(200);
    expect(await codeOf(key)).toBe(200);
    await slow.close();
    await setInstance(stage.database.db, acme, { address: upstream.address });
    await setApp({ limits: { bodyBytesMax: 10, bytesPerDay: 40 } });
    const send = (text: string) =>
      call('post', '/api/x', { ...bearer(key), 'content-type': 'text/plain' })
        .send(text)
        .then(({ body }) => body.code);
    await expect.poll(() => send('x'.repeat(11))).toBe('body_too_large');
    await expect.poll(() => send('x'.repeat(10))).toBe('bytes_limited');
  });

  it('bounds a body that does not say how long it is', async () => {
    await setApp({ limits: { bodyBytesMax: 10 } });
    await setPlanLimits({ bodyBytesMax: 1_000 });
    const { key } = await give();
    const send = async (text: string) => {
      const body = new Blob([text]).stream();
      const url = `${stage.url}/kama/${acme.org}/guestbook/api/x`;
      const answer = await fetch(url, { method: 'POST', headers: bearer(key), body, duplex: 'half' } as RequestInit);
      return answer.status === 200 ? 200 : ((await answer.json()) as { code: string; bodyBytesMax: number });
    };
    await expect.poll(() => send('x'.repeat(11))).toMatchObject({ code: 'body_too_large', bodyBytesMax: 10 });
    expect(await send('x'.repeat(10))).toBe(200);
    expect(upstream.seen.at(-1)!.headers['transfer-encoding']).toBe('chunked');
  });

  it('counts what stays open apart from what is under way', async () => {
    await setApp({ limits: { concurrency: 1, connectionsMax: 2 } });
    const { key } = await give();
    const events = await startUpstream(({ url }, response) => {
      response.writeHead(200, { 'Content-Type': url?.includes('events') ? 'text/event-stream' : 'text/plain' });
      if (url?.includes('events')) response.write('data: 1\n\n');
      else response.end('ok');
    });
    await setInstance(stage.database.db, acme, { address: events.address });
    await expect.poll(() => codeOf(key)).toBe(200);
    const leave = new AbortController();
    const follow = async () => {
      const url = `${stage.url}/kama/${acme.org}/guestbook/api/events`;
      const answer = await fetch(url, { headers: bearer(key), signal: leave.signal });
      return answer.status === 200 ? 200 : ((await answer.json()) as { code: string }).code;
    };
    expect(await follow()).toBe(200);
    expect(await codeOf(key)).toBe(200);
    expect(await follow()).toBe(200);
    const refused = await call('get', '/api/x', bearer(key));
    expect([refused.status, refused.body.code, refused.body.scope]).toEqual([429, 'connections_limited', 'app']);
    leave.abort();
    await expect.poll(() => codeOf(key)).toBe(200);
    await events.close();
  });

  it('counts starts, and does not start what may not be', async () => {
    await setApp({ limits: { wakesPerHour: 0 } });
    const { key } = await give();
    await setInstance(stage.database.db, acme, { address: null, observed: 'stopped', desired: 'stopped' });
    await expect.poll(() => codeOf(key)).toBe('wakes_limited');
    const row = await stage.database.db.asSystem((tx) => tx.instance.findFirst({ where: { appId: acme.appId } }));
    expect(row?.desired).toBe('stopped');
  });

  it('answers preflights without a credential, and lets only pages of listed origins read', async () => {
    await setApp({ corsOrigins: ['https://console.acme.example'] });
    const { key } = await give();
    await expect.poll(() => codeOf(key)).toBe(200);
    const ask = (origin: string) =>
      call('options', '/api/x', {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization',
      });
    upstream.seen.length = 0;
    const listed = await ask('https://console.acme.example');
    expect(listed.status).toBe(204);
    expect(listed.headers).toMatchObject({
      'access-control-allow-origin': 'https://console.acme.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization',
      vary: expect.stringContaining('Origin'),
    });
    const foreign = await ask('https://evil.example');
    expect(foreign.status).toBe(204);
    expect(Object.keys(foreign.headers).join()).not.toContain('access-control');
    expect(upstream.seen).toEqual([]);
    const page = { ...bearer(key), Origin: 'https://console.acme.example' };
    expect((await call('get', '/x', page)).headers['access-control-allow-origin']).toBe('https://console.acme.example');
    const evil = await call('get', '/x', { ...bearer(key), Origin: 'https://evil.example' });
    expect(evil.headers).not.toHaveProperty('access-control-allow-origin');
    expect(evil.headers.vary).toContain('Origin');
    await setApp({ corsOrigins: ['*'] });
    await expect
      .poll(async () => (await call('get', '/x', { ...bearer(key), Origin: 'https://any.example' })).headers)
      .toMatchObject({ 'access-control-allow-origin': '*' });
    const any = await call('get', '/x', { ...bearer(key), Origin: 'https://any.example' });
    expect(any.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('takes a session cookie from pages of its own, and from no other page for what changes something', async () => {
    const licence = await give();
    const { token } = await openSession(stage.database.db, stage.vault, acme, licence.id);
    const cookie = { Cookie: `theirs=1; nm_session=${token}` };
    expect((await call('get', '/x', cookie)).status).toBe(200);
    expect(upstream.seen.at(-1)!.headers.cookie).toBe('theirs=1');
    const forged = await call('post', '/x', { ...cookie, Origin: 'https://evil.example' });
    expect([forged.status, forged.body.code]).toEqual([403, 'csrf_refused']);
    expect((await call('post', '/x', cookie)).body.code).toBe('csrf_refused');
    expect((await call('post', '/x', { ...cookie, 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200);
    expect((await call('post', '/x', { ...cookie, 'Nm-Csrf': '1' })).status).toBe(200);
    expect((await request(stage.url).get(`/kama/${acme.org}/guestbook/x?nm_session=${token}`)).status).toBe(401);
  });

  it('takes the token that it gave to a KAMA back, for that install only', async () => {
    const licence = await give();
    const { installId } = await addInstall(stage.database.db, acme, licence.id);
    const other = await addInstall(stage.database.db, acme, licence.id);
    const named = { ...bearer(licence.key), 'Nm-Install': installId };
    await expect.poll(async () => (await call('get', '/x', named)).status).toBe(200);
    const token = upstream.seen.at(-1)!.headers['nm-context'] as string;
    const again = await call('get', '/x', { ...bearer(token), 'Nm-Install': other.installId });
    expect(again.status).toBe(200);
    const context = upstream.seen.at(-1)!.headers['nm-context'] as string;
    expect(JSON.parse(Buffer.from(context.split('.')[1]!, 'base64url').toString()).install.id).toBe(installId);
  });

  it('passes encoded slashes to a version that asks for them, and to no other', async () => {
    const { key } = await give();
    expect(await codeOf(key, '/a%2Fb')).toBe('invalid_path');
    await write('version', acme.versionId, async (tx) => {
      const { spec } = await tx.appVersion.findUniqueOrThrow({ where: { id: acme.versionId } });
      await tx.appVersion.update({ where: { id: acme.versionId }, data: { state: 'draft' } });
      const data = { state: 'published', spec: { ...(spec as object), encodedSlashes: true } };
      await tx.appVersion.update({ where: { id: acme.versionId }, data });
    });
    await expect.poll(() => codeOf(key, '/a%2Fb')).toBe(200);
    expect(upstream.seen.at(-1)!.url).toBe('/a%2Fb');
    expect(await codeOf(key, '/a%2F..%2fb')).toBe('invalid_path');
  });

  it('gives the next version of a rollout to the cohorts below its percentage', async () => {
    const next = await startUpstream((_request, response) => response.end('next'));
    const nextVersionId = newId('version');
    await write('channel', acme.appId, async (tx) => {
      const { spec } = await tx.appVersion.findUniqueOrThrow({ where: { id: acme.versionId } });
      const ids = { id: nextVersionId, orgId: acme.orgId, appId: acme.appId };
      const row = { ...ids, name: '2.0.0', state: 'published', spec: spec ?? {}, digest: 'e' };
      await tx.appVersion.create({ data: row });
      await tx.channel.updateMany({ where: { appId: acme.appId }, data: { nextVersionId, nextPercent: 50 } });
    });
    await setInstance(stage.database.db, { ...acme, versionId: nextVersionId }, { address: next.address });
    const texts = new Set<string>();
    while (texts.size < 2) {
      const licence = await give();
      const expected = cohortOf(licence.id) < 50 ? 'next' : 'ok';
      await expect.poll(async () => (await call('get', '/x', bearer(licence.key))).text).toBe(expected);
      texts.add(expected);
    }
    const { key } = await give();
    const pinned = await request(stage.url).get(`/kama/${acme.org}/guestbook@1.0.0/x`).set(bearer(key));
    expect(pinned.text).toBe('ok');
    await next.close();
  });

  it('writes down every refusal and what was let in, with the facts, and the first use once', async () => {
    const good = await give();
    const bad = await give({ state: 'suspended' });
    const fresh = await give();
    await write('licence', fresh.id, (tx) =>
      tx.licence.update({ where: { id: fresh.id }, data: { expiresAfterFirstUseSeconds: 3600 } }),
    );
    for (const { key } of [good, bad, bad, fresh]) await call('get', '/api/x?secret=1', bearer(key));
    const samples = (licenceId: string) =>
      stage.database.db.asSystem((tx) => tx.decisionSample.findMany({ where: { licenceId } }));
    await expect.poll(async () => (await samples(bad.id)).reduce((sum, { weight }) => sum + weight, 0)).toBe(2);
    const [denied] = await samples(bad.id);
    expect(denied).toMatchObject({
      appId: acme.appId,
      effect: 'deny',
      code: 'licence_suspended',
      ruleId: 'builtin:licence-suspended',
      request: { method: 'GET', path: '/api/x', routeClass: 'read', address: '127.0.0.1' },
      facts: { licence: { state: 'suspended' }, plan: { slug: 'pro' }, version: '1.0.0', channel: 'stable' },
    });
    await expect.poll(async () => (await samples(good.id)).length).toBeGreaterThan(0);
    const used = () => stage.database.db.asSystem((tx) => tx.licence.findUniqueOrThrow({ where: { id: fresh.id } }));
    await expect.poll(async () => (await used()).firstUsedAt).not.toBeNull();
    const { firstUsedAt, expiresAt } = await used();
    expect(expiresAt!.getTime() - firstUsedAt!.getTime()).toBe(3_600_000);
    await expect
      .poll(async () => (await call('get', '/x', bearer(fresh.key))).headers['nm-licence-expires'])
      .toBe(expiresAt!.toISOString());
    await call('get', '/x', bearer(fresh.key));
    expect((await used()).firstUsedAt).toEqual(firstUsedAt);
  });

  it('tells where the time went to whom it asks for it', async () => {
    const { key } = await give();
    const plain = await call('get', '/x', bearer(key));
    expect(plain.headers).not.toHaveProperty('server-timing');
    const timed = await call('get', '/x', { ...bearer(key), 'Nm-Server-Timing': '1' });
    expect(timed.headers['server-timing']).toMatch(/^nm-decide;dur=[\d.]+, nm-app;dur=[\d.]+$/);
  });
});
