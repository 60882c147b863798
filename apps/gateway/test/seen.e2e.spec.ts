import type { Change, Tx } from '@nm/adapters/db';
import type { AccessRule } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import pino from 'pino';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setRules as saveRules, setInstance, type Tenant, writeChange } from './tenant.js';

const patient = { timeout: 60_000, interval: 20 };

describe('what operators and licensees are told', () => {
  const lines: Record<string, unknown>[] = [];
  let log = '';
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;
  let tenants = 0;

  beforeAll(async () => {
    const write = (line: string): void => {
      log += line;
      lines.push(JSON.parse(line));
    };
    const config = { trustedPeers: ['127.0.0.0/8'] };
    stage = await openStage({ config, log: pino({ level: 'info' }, { write }) });
    upstream = await startUpstream();
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
  });
  beforeEach(async () => {
    acme = await makeTenant(stage.database.db, `seen${tenants++}`);
    await setInstance(stage.database.db, acme, { address: upstream.address });
  });

  const give = (dates = {}) => issue(stage.database.db, stage.vault, acme, dates);
  const call = (path: string, headers: Record<string, string> = {}, method: 'get' | 'post' = 'get') =>
    request(stage.url)[method](`/kama/${acme.org}/guestbook${path}`).set(headers);
  const lineOf = async (answer: { headers: Record<string, string> }) => {
    const ofIt = (line: Record<string, unknown>) => line['requestId'] === answer.headers['x-request-id'];
    await expect.poll(() => lines.filter(ofIt).length, patient).toBe(1);
    return lines.find(ofIt);
  };
  const write = (kind: Change['kind'], id: string, work: (tx: Tx) => Promise<unknown>) =>
    writeChange(stage.database.db, acme, [kind, id], work);
  const setRules = (rules: Omit<AccessRule, 'name'>[]) =>
    saveRules(
      stage.database.db,
      acme,
      rules.map((rule) => ({ ...rule, name: rule.id })),
    );

  it('logs a request in one line: who, the decision and its rule, and the time of decision, start and app', async () => {
    const { id, key } = await give();
    await setInstance(stage.database.db, acme, { address: null, observed: 'stopped', desired: 'stopped' });
    const waiting = call('/api/x?secret=1', bearer(key)).then((answer) => answer);
    const desired = () => stage.database.db.asSystem((tx) => tx.instance.findFirst({ where: { appId: acme.appId } }));
    await expect.poll(async () => (await desired())?.desired, patient).toBe('running');
    await setInstance(stage.database.db, acme, { address: upstream.address, observed: 'ready' });
    const answer = await waiting;
    expect(answer.status).toBe(200);
    const line = await lineOf(answer);
    expect(line).toMatchObject({
      msg: 'request',
      route: 'kama',
      method: 'GET',
      path: `/kama/${acme.org}/guestbook/api/x`,
      app: `${acme.org}/guestbook`,
      licenceId: id,
      decision: 'licence_active',
      rule: 'builtin:licence-active',
      status: 200,
      bytesOut: 2,
      wakeMs: Number(answer.headers['nm-wake-ms']),
    });
    const { ms, decideMs, wakeMs, appMs } = line as Record<'ms' | 'decideMs' | 'wakeMs' | 'appMs', number>;
    expect(Math.min(decideMs, wakeMs, appMs)).toBeGreaterThanOrEqual(0);
    expect(ms).toBeGreaterThanOrEqual(wakeMs);
    // On a known way too.
    expect(await lineOf(await call('/api/x?secret=1', bearer(key)))).toMatchObject({ licenceId: id, status: 200 });
    expect(await lineOf(await call('/api/x', bearer(key)))).not.toHaveProperty('wakeMs');
    expect(log).not.toContain('secret=1');
    expect(log).not.toContain(key);
  });

  it('logs a refusal with its code, and nothing of a credential that is none', async () => {
    const { id, key } = await give({ state: 'suspended' });
    expect(await lineOf(await call('/api/x', bearer(key)))).toMatchObject({
      msg: 'request refused',
      licenceId: id,
      decision: 'licence_suspended',
      rule: 'builtin:licence-suspended',
      code: 'licence_suspended',
      status: 403,
    });
    const stranger = await lineOf(await call('/api/x', bearer('no-such-credential')));
    expect(stranger).toMatchObject({ code: 'unauthenticated', status: 401 });
    expect(stranger).not.toHaveProperty('licenceId');
    expect(log).not.toContain('no-such-credential');
  });

  it('counts by status class and by code, whatever callers make up', async () => {
    const { key } = await give();
    const series = async () => {
      const text = await fetch(`http://127.0.0.1:${stage.gateway.opsPort}/metrics`).then((answer) => answer.text());
      // Samples are written in the background: their series begins some time.
      return text.split('\n').filter((line) => /^nm_gateway_(?!decision_samples)/.test(line));
    };
    const visit = async (name: string) => {
      await call(`/${name}`, { ...bearer(key), Host: `${name}.example` });
      await call(`/${name}`, bearer(name));
      await request(stage.url).get(`/kama/${name}/${name}/x`).set(bearer(key));
      await fetch(`${stage.url}/kama/${acme.org}/guestbook/x`, { method: `X${name}`, headers: bearer(key) });
    };
    const countOf = (text: string[], start: string) =>
      Number(
        text
          .find((line) => line.startsWith(start))
          ?.split(' ')
          .at(-1),
      );
    await visit('first');
    const before = await series();
    const names = (text: string[]) => text.map((line) => line.slice(0, line.lastIndexOf(' '))).sort();
    for (let i = 0; i < 10; i++) await visit(`made-up-${i}`);
    const after = await series();
    expect(names(after)).toEqual(names(before));
    for (const [start, more] of [
      ['nm_gateway_decisions_total{code="unauthenticated"', 10],
      ['nm_gateway_decisions_total{code="not_found"', 10],
      ['nm_gateway_decisions_total{code="licence_active"', 20],
      ['nm_gateway_requests_total{class="2xx"', 10],
      // The app, which is Node's own server, knows no such method.
      ['nm_gateway_requests_total{class="4xx"', 30],
    ] as const)
      expect([start, countOf(after, start) - countOf(before, start)]).toEqual([start, more]);
  });

  it('answers with the code and status that a rule gives, and says how the licence stands', async () => {
    const { key } = await give();
    const gone = await request(stage.url).get('/kama/nobody/nothing/x').set(bearer(key));
    const deny = (code: NonNullable<AccessRule['code']>) => ({
      id: code.replaceAll('_', '-'),
      effect: 'deny' as const,
      when: `request.path == "/${code}"`,
      code,
    });
    await setRules((['rule_denied', 'payment_required', 'access_paused', 'not_found'] as const).map(deny));
    await expect.poll(async () => (await call('/rule_denied', bearer(key))).status, patient).toBe(403);
    for (const [code, status] of [
      ['rule_denied', 403],
      ['payment_required', 402],
      ['access_paused', 503],
      ['not_found', 404],
    ] as const) {
      const answer = await call(`/${code}`, bearer(key));
      expect([code, answer.status, answer.body.code]).toEqual([code, status, code]);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.headers['nm-licence-state']).toBe('active');
      expect(answer.headers['retry-after'] !== undefined).toBe(status === 503);
      if (status === 404) expect(answer.text).toBe(gone.text);
    }
    expect((await call('/other', bearer(key))).status).toBe(200);
    expect(upstream.seen.at(-1)!.url).toBe('/other');
  });

  it('shows rules the limits of the plan as the guide says, seats included', async () => {
    const limits = { installsMax: 3, seats: { users: 10, sessions: 2 } };
    await write('app', acme.appId, (tx) => tx.plan.update({ where: { id: acme.planId }, data: { limits } }));
    const { key } = await give();
    await setRules([
      {
        id: 'small',
        effect: 'deny',
        when: 'has(plan.limits.seats.users) && plan.limits.seats.users >= 10 && plan.limits["installsMax"] < 4',
      },
    ]);
    await expect.poll(async () => (await call('/x', bearer(key))).body.code, patient).toBe('rule_denied');
  });

  it('asks rules about the address that a trusted balancer names, each anew, and about no other', async () => {
    const { key } = await give();
    await setRules([{ id: 'office', effect: 'deny', when: '!request.address.inCidr("192.0.2.0/24")' }]);
    const from = async (forwarded: string) =>
      (await call('/x', { ...bearer(key), 'X-Forwarded-For': forwarded })).status;
    await expect.poll(() => from('198.51.100.1'), patient).toBe(403);
    expect(await from('192.0.2.9')).toBe(200);
    expect(await from('192.0.2.9')).toBe(200);
    expect(await from('198.51.100.1')).toBe(403);
    // What the client wrote itself stands before what the balancer added.
    expect(await from('192.0.2.9, 198.51.100.1')).toBe(403);
    expect(await from('198.51.100.1, 192.0.2.9')).toBe(200);
    expect(upstream.seen.at(-1)!.headers['x-forwarded-for']).toBe('192.0.2.9');
  });

  it('holds all apps of an organisation to its limits together, and no other organisation', async () => {
    const other = await makeTenant(stage.database.db, `seen${tenants++}`);
    await setInstance(stage.database.db, other, { address: upstream.address });
    const theirs = await issue(stage.database.db, stage.vault, other);
    const second = { ...acme, appId: newId('app'), versionId: newId('version'), planId: newId('plan') };
    await write('org', acme.orgId, async (tx) => {
      const { spec } = await tx.appVersion.findUniqueOrThrow({ where: { id: acme.versionId } });
      const own = { orgId: acme.orgId, appId: second.appId };
      await tx.org.update({ where: { id: acme.orgId }, data: { limits: { requestsPerSecond: 0.01, burst: 2 } } });
      await tx.app.create({ data: { id: second.appId, orgId: acme.orgId, slug: 'second', name: 'Second' } });
      await tx.appVersion.create({
        data: { ...own, id: second.versionId, name: '1.0.0', state: 'published', spec: spec ?? {}, digest: 'd' },
      });
      await tx.channel.create({ data: { ...own, id: newId('channel'), name: 'stable', versionId: second.versionId } });
      await tx.plan.create({
        data: { ...own, id: second.planId, slug: 'pro', name: 'Pro', entitlements: {}, limits: {} },
      });
    });
    await setInstance(stage.database.db, second, { address: upstream.address });
    const licence = await issue(stage.database.db, stage.vault, second);
    const inSecond = () => request(stage.url).get(`/kama/${acme.org}/second/x`).set(bearer(licence.key));
    const { key } = await give();
    expect((await call('/x', bearer(key))).status).toBe(200);
    expect((await inSecond()).status).toBe(200);
    const refused = await inSecond();
    expect([refused.status, refused.body.code, refused.body.scope]).toEqual([429, 'rate_limited', 'org']);
    // How busy its publisher is says nothing to a licensee.
    expect(refused.headers).not.toHaveProperty('ratelimit');
    expect((await call('/x', bearer(key))).body.scope).toBe('org');
    const elsewhere = await request(stage.url).get(`/kama/${other.org}/guestbook/x`).set(bearer(theirs.key));
    expect(elsewhere.status).toBe(200);
  });

  it('takes no credential out of the URL', async () => {
    const { key } = await give();
    const arrived = upstream.seen.length;
    for (const path of [
      `/x?access_token=${key}`,
      `/x?key=${key}`,
      `/x?authorization=Bearer%20${key}`,
      `/x;key=${key}`,
    ]) {
      const answer = await call(path);
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    }
    const { host } = new URL(stage.url);
    const inUserInfo = await fetch(`http://${host}/kama/${acme.org}/guestbook/x`, {
      headers: { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
    });
    expect(inUserInfo.status).toBe(401);
    expect(upstream.seen.length).toBe(arrived);
  });
});
