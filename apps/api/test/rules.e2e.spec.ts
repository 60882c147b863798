import type { AccessRule, IssuedLicence, SampledFacts } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const dayMs = 86_400_000;
const rule = (id: string, when: string, change: Partial<AccessRule> = {}): AccessRule => ({
  id,
  name: `Rule ${id}`,
  effect: 'deny',
  when,
  ...change,
});

describe('access rules and the decisions that they make', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  let ci: Client;
  let actor: string;
  let orgId: string;
  const clock = new FakeClock('2026-06-01T00:00:00Z');
  const at = '/v1/orgs/acme/apps/guestbook';
  const rules = `${at}/rules`;

  const issueTo = async (name: string, body: object = {}): Promise<IssuedLicence> => {
    const { body: customer } = await ci.post('/v1/orgs/acme/customers', { name }).expect(201);
    return (await ci.post(`${at}/licences`, { plan: 'team', customerId: customer.id, ...body }).expect(201)).body;
  };
  const facts = (licence: IssuedLicence, change: Partial<SampledFacts> = {}): SampledFacts => ({
    licence: { state: 'active', startsAtMs: 0, grace: [], trial: false },
    plan: { slug: 'team', entitlements: { seats: 5 }, limits: { installsMax: 3 } },
    customer: licence.customer,
    version: '1.0.0',
    channel: 'stable',
    ...change,
  });
  const request = { method: 'GET', path: '/api/x', routeClass: 'read', address: '10.0.0.1' } as const;
  const record = (licence: IssuedLicence, change: object = {}) => {
    const row = { effect: 'allow', code: 'licence_active', at: clock.now(), request, facts: facts(licence), ...change };
    return database.db.asSystem((tx) =>
      tx.decisionSample.create({
        data: { id: newId('decision', row.at.getTime()), orgId, appId: acme.app.id, licenceId: licence.id, ...row },
      }),
    );
  };
  const newApp = async (slug: string) => {
    await ci.post('/v1/orgs/acme/apps', { slug, name: slug }).expect(201);
    return `/v1/orgs/acme/apps/${slug}/rules`;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    const { body } = await acme.client.post('/v1/orgs/acme/tokens', { name: 'ci', role: 'owner' }).expect(201);
    ci = anyone.as(body.token);
    actor = body.id;
    ({ orgId } = await database.db.asSystem((tx) => tx.app.findUniqueOrThrow({ where: { id: acme.app.id } })));
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('an app without rules shows the built-in ones', async () => {
    const { body } = await ci.get(await newApp('bare')).expect(200);
    expect(body).toMatchObject({ version: 0, rules: [] });
    expect(body.before.map(({ id }: AccessRule) => id)).toEqual([
      'builtin:licence-revoked',
      'builtin:licence-suspended',
    ]);
    expect(body.after.map(({ id }: AccessRule) => id)).toContain('builtin:licence-expired');
  });

  it('each save is a version with its author, and gateways hear of it; going back is one more version', async () => {
    const here = await newApp('versions');
    const first = [rule('no-trials', 'licence.trial', { code: 'payment_required' })];
    await ci.put(here, { rules: first, ifVersion: 0, comment: 'No more trials' }).expect(200);
    const second = [rule('office-only', 'request.address != "10.0.0.1"'), rule('no-trials', 'licence.trial')];
    const { body: saved } = await ci.put(here, { rules: second, ifVersion: 1 }).expect(200);
    expect(saved).toMatchObject({ version: 2, rules: second, author: actor, createdAt: clock.now().toISOString() });
    const { body: back } = await ci.post(`${here}/rollback`, { toVersion: 1, ifVersion: 2 }).expect(200);
    expect(back).toMatchObject({ version: 3, copyOf: 1, rules: first });

    const { body: history } = await ci.get(`${here}/history`).expect(200);
    expect(
      history.data.map(({ version, comment }: { version: number; comment?: string }) => [version, comment]),
    ).toEqual([
      [3, undefined],
      [2, undefined],
      [1, 'No more trials'],
    ]);
    expect(history.data[1].diff).toEqual({
      added: [second[0]],
      removed: [],
      changed: [{ before: first[0], after: second[1] }],
      reordered: false,
    });
    const { body: page } = await ci.get(`${here}/history?limit=2`).expect(200);
    expect(page).toEqual({ data: history.data.slice(0, 2), nextCursor: '2' });
    const { body: rest } = await ci.get(`${here}/history?cursor=${page.nextCursor}`).expect(200);
    expect(rest).toEqual({ data: history.data.slice(2) });
    expect((await ci.get(`${here}/history/2`).expect(200)).body.rules).toEqual(second);
    await ci.get(`${here}/history/4`).expect(404);
    await ci.get(`${here}/history/x`).expect(400);
    await ci.post(`${here}/rollback`, { toVersion: 9, ifVersion: 3 }).expect(404);
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany());
    expect(rows.filter(({ payload }) => (payload as { kind: string }).kind === 'rules')).toHaveLength(3);
  });

  it('409: of two who save on the same version one is told of the other', async () => {
    const here = await newApp('race');
    const save = (id: string) => ci.put(here, { rules: [rule(id, 'true')], ifVersion: 0 });
    const answers = await Promise.all([save('a'), save('b')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'conflict', version: 1 });
  });

  it('400: a rule that cannot be compiled is named with line and column, and nothing is saved', async () => {
    const here = await newApp('faulty');
    const bad = [rule('fine', 'true'), rule('typo', 'licence.trial &&\n  licence.nonsense == 1')];
    const { body } = await ci.put(here, { rules: bad, ifVersion: 0 }).expect(400);
    expect(body).toMatchObject({ code: 'rules_invalid', issues: [{ ruleId: 'typo', index: 1, line: 2 }] });
    expect(body.issues[0].column).toBeGreaterThan(1);
    await ci.put(here, { rules: [rule('Not A Slug', 'true')], ifVersion: 0 }).expect(400);
    await ci.post(`${here}/test`, { rules: bad }).expect(400);
    expect((await ci.get(here).expect(200)).body.version).toBe(0);
  });

  it('a rehearsal reads the limits of a plan as the guide says, seats included', async () => {
    const office = await issueTo('Office');
    const plan = { slug: 'team', entitlements: {}, limits: { installsMax: 3, seats: { users: 10 } } };
    const proposed = [rule('seats', 'plan.limits.seats.users == 10.0 && !has(plan.limits.seats.sessions)')];
    const inputs = [{ facts: facts(office, { plan }), request }];
    const { body } = await ci.post(`${rules}/test`, { rules: proposed, days: 1, inputs }).expect(200);
    expect(body.inputs).toMatchObject([{ after: { effect: 'deny', code: 'rule_denied', ruleId: 'seats' } }]);
  });

  it('a rehearsal says who would be shut out or let in, per licence, and saves nothing', async () => {
    const [office, field, old] = [await issueTo('Office'), await issueTo('Field'), await issueTo('Old')];
    for (let i = 0; i < 3; i++) await record(office, { weight: 10 });
    await record(field, { request: { ...request, address: '203.0.113.9' }, weight: 7 });
    const expired = { licence: { ...facts(old).licence, expiresAtMs: clock.nowMs() - 1 } };
    await record(old, { effect: 'deny', code: 'licence_expired', facts: facts(old, expired) });
    await record(field, { at: new Date(clock.nowMs() - 8 * dayMs) });

    const proposed = [
      rule('inside', 'request.address != "10.0.0.1"'),
      rule('amnesty', 'customer.name == "Old"', { effect: 'allow' }),
    ];
    const inputs = [
      { licenceId: office.id, request: { ...request, address: '198.51.100.1' } },
      { facts: facts(office, { licence: { state: 'revoked', startsAtMs: 0, grace: [], trial: false } }), request },
    ];
    const { body } = await ci.post(`${rules}/test`, { rules: proposed, days: 7, inputs }).expect(200);
    expect(body).toMatchObject({
      version: 0,
      requests: 38,
      letIn: 1,
      shutOut: 7,
      otherwise: 0,
      same: 30,
      truncated: false,
    });
    expect(body.licences).toMatchObject([
      {
        licenceId: field.id,
        customer: 'Field',
        shutOut: 7,
        same: 0,
        examples: [
          {
            request: { address: '203.0.113.9' },
            before: { effect: 'allow', code: 'licence_active' },
            after: { effect: 'deny', code: 'rule_denied', ruleId: 'inside', refusal: 'rule_denied' },
          },
        ],
      },
      {
        licenceId: old.id,
        letIn: 1,
        examples: [{ before: { refusal: 'licence_expired' }, after: { ruleId: 'amnesty' } }],
      },
    ]);
    expect(body.inputs).toMatchObject([
      { before: { effect: 'allow' }, after: { code: 'rule_denied' } },
      { before: { code: 'licence_revoked' }, after: { code: 'licence_revoked' } },
    ]);
    expect((await ci.get(rules).expect(200)).body.version).toBe(0);

    const { body: longer } = await ci.post(`${rules}/test`, { rules: proposed, days: 9 }).expect(200);
    expect(longer.requests).toBe(39);
    const failing = [rule('typo', 'plan.entitlements.nonsense == 1')];
    const { body: broken } = await ci.post(`${rules}/test`, { rules: failing }).expect(200);
    expect(broken).toMatchObject({ shutOut: 37, failing: [{ ruleId: 'typo' }] });
    const strange = [{ licenceId: 'lic_0', request }];
    const { body: problem } = await ci.post(`${rules}/test`, { rules: [], inputs: strange }).expect(400);
    expect(problem.issues).toMatchObject([{ path: 'inputs.0.licenceId' }]);
    await ci.post(`${rules}/test`, { rules: [], inputs: [{ request }] }).expect(400);
  });

  it('a publisher sees how requests were decided and from what; the licensee only what it may know', async () => {
    const licence = await issueTo('Explained');
    const other = await issueTo('Other');
    const secret = { effect: 'deny', code: 'rule_denied', ruleId: 'blacklist', ruleSetVersion: 4, requestId: 'req_1' };
    await record(licence, secret);
    await clock.advance(1_000);
    await record(licence, { installId: 'inst_1' });
    await record(other);
    const list = `${at}/licences/${licence.id}/decisions`;
    const { body: all } = await ci.get(list).expect(200);
    expect(all.data).toMatchObject([
      { code: 'licence_active', installId: 'inst_1', weight: 1 },
      { ...secret, request, facts: { customer: { name: 'Explained' } } },
    ]);
    for (const query of ['effect=deny', 'code=rule_denied'])
      expect((await ci.get(`${list}?${query}`).expect(200)).body.data).toHaveLength(1);
    await ci.get(`${list}?effect=maybe`).expect(400);
    const { body: first } = await ci.get(`${list}?limit=1`).expect(200);
    const { body: second } = await ci.get(`${list}?limit=1&cursor=${first.nextCursor}`).expect(200);
    expect([...first.data, ...second.data]).toEqual(all.data);
    expect(second.nextCursor).toBeUndefined();

    const { body: own, text } = await anyone.as(licence.key).get('/v1/licence/decisions').expect(200);
    expect(own.data).toMatchObject([{ code: 'licence_active' }, { code: 'rule_denied', request: { path: '/api/x' } }]);
    expect(text).not.toMatch(/blacklist|facts|10\.0\.0\.1|customer/);
    await ci.get(`${at}/licences/lic_0/decisions`).expect(404);
  });
});
