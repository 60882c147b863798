import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { advanceRun, RunCancellations, type RunEngine } from '@nm/features/actions';
import type { ContextClaims, IssuedLicence } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { testVault } from '../../../libs/testing/test-vault.js';
import { makeOwnRows, type OwnRows } from './own-rows.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const plan = (name = 'settings') => ({
  steps: [{ kind: 'apply', title: 'Apply', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }] }],
});
const body = (more: object = {}) => ({ action: 'install', title: 'Install', plan: plan(), ...more });

interface Seen {
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

interface FollowOptions {
  readonly after?: number;
  readonly stopAt?: number;
  readonly onEvents?: (count: number) => void;
}

describe('runs through the API', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  let licensee: Client;
  let rows: OwnRows;
  let engine: RunEngine;
  let cancellations: RunCancellations;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    licensee = anyone.as(acme.licence.key);
    rows = await makeOwnRows(database, acme.licence.id);
    cancellations = new RunCancellations({ url: database.url, onError: () => undefined });
    // A cluster that is away: what the API shows of a run does not depend on more.
    const away = () => Promise.reject(new Fault('cluster_unauthorized'));
    engine = {
      ...{ db: database.db, clock: systemClock, cancellations, egress: new Agent(), worker: 'test', leaseMs: 10_000 },
      vault: testVault,
      sessions: { forCluster: away, forInstall: away },
      onFault: () => undefined,
    };
  });
  afterAll(async () => {
    await cancellations.close();
    await api.close();
    await database.close();
  });

  const token = async (change: Partial<ContextClaims> = {}) => {
    const { orgId, appId } = await database.db.asSystem((tx) =>
      tx.licence.findUniqueOrThrow({ where: { id: acme.licence.id } }),
    );
    return api.platform.contextKeys.sign({
      ...{ aud: [appId, 'nm-install'], sub: acme.licence.id, org: 'acme', orgId, app: 'guestbook', appId },
      ...{ version: '1.0.0', versionId: rows.versionId, mode: 'full', entitlements: {} },
      install: { id: rows.install, cluster: rows.cluster, namespace: 'guestbook' },
      ...change,
    });
  };
  const start = async (client = licensee, more: object = {}): Promise<string> =>
    (await client.post('/v1/runs', body(more)).expect(201)).body.id;
  const work = (runId: string) => advanceRun(engine, runId, new AbortController().signal);
  /** Reads a stream to its end, or until it has shown so many events. */
  const follow = async (path: string, options: FollowOptions = {}) => {
    const headers = {
      authorization: `Bearer ${acme.licence.key}`,
      ...(options.after === undefined ? {} : { 'last-event-id': String(options.after) }),
    };
    const answer = await fetch(`${api.url}${path}`, { headers });
    let text = '';
    const seen = (): Seen[] =>
      [...text.matchAll(/^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/gm)].map(([, id, event = '', data = '']) => ({
        id: Number(id),
        event,
        data: JSON.parse(data),
      }));
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      options.onEvents?.(seen().length);
      if (options.stopAt !== undefined && seen().length >= options.stopAt) break;
    }
    return { status: answer.status, type: answer.headers.get('content-type'), events: seen(), text };
  };

  it('starts a run for a licensee with one install, and shows it', async () => {
    const { body: run } = await licensee.post('/v1/runs', body({ info: 'Because' })).expect(201);
    expect(run).toMatchObject({
      status: 'queued',
      installId: rows.install,
      kind: 'action',
      steps: [{ status: 'idle' }],
    });
    expect(run.progress).toEqual({
      id: run.id,
      title: 'Install',
      info: 'Because',
      status: 'idle',
      sub_items: [
        { id: run.steps[0].id, title: 'Apply', info: null, status: 'idle', sub_items: [], logs: [], error: null },
      ],
      logs: [],
      error: null,
    });
    expect((await licensee.get(`/v1/runs/${run.id}`).expect(200)).body).toEqual(run);
    const { body: page } = await licensee.get(`/v1/runs?limit=200&installId=${rows.install}`).expect(200);
    expect(page.data.map(({ id }: { id: string }) => id)).toContain(run.id);
    expect((await licensee.get('/v1/runs?installId=inst_other').expect(200)).body.data).toEqual([]);
    await licensee.post(`/v1/runs/${run.id}/cancel`).expect(202);
  });

  it('lets a hosted KAMA start runs with its install token, on its install only, and nothing in read-only mode', async () => {
    const kama = anyone.as(await token());
    const runId = await start(kama);
    await kama.get(`/v1/runs/${runId}`).expect(200);
    await kama.post('/v1/runs', body({ installId: 'inst_other' })).expect(404);
    const readOnly = anyone.as(await token({ mode: 'read-only' }));
    const { body: refused } = await readOnly.post('/v1/runs', body()).expect(403);
    expect(refused.code).toBe('licence_read_only');
    await readOnly.get(`/v1/runs/${runId}`).expect(200);
    await readOnly.post(`/v1/runs/${runId}/cancel`).expect(403);
    await kama.post(`/v1/runs/${runId}/cancel`).expect(202);
  });

  it('takes an idempotency key once', async () => {
    const runId = await start(licensee, { idempotencyKey: 'once' });
    expect(await start(licensee, { idempotencyKey: 'once' })).toBe(runId);
    const { body: other } = await licensee
      .post('/v1/runs', body({ idempotencyKey: 'once', plan: plan('other') }))
      .expect(409);
    expect(other.code).toBe('idempotency_conflict');
    await licensee.post(`/v1/runs/${runId}/cancel`).expect(202);
  });

  it('refuses a plan that is not one, and says where', async () => {
    const wrong = { steps: [{ kind: 'apply', title: 'Apply', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap' }] }] };
    expect((await licensee.post('/v1/runs', body({ plan: wrong })).expect(400)).body).toMatchObject({
      code: 'invalid_body',
      issues: [{ path: 'plan.steps.0.manifests.0.metadata' }],
    });
    expect((await licensee.post('/v1/runs', body({ plan: plan('../x') })).expect(400)).body).toMatchObject({
      code: 'plan_invalid',
      issues: [{ path: 'steps.0.manifests.0.name' }],
    });
    await licensee.post('/v1/runs', body({ surprise: true })).expect(400);
  });

  it('refuses a bad plan whole, with the path of the fault, and stores nothing of it', async () => {
    const before = await database.db.asSystem((tx) => tx.run.count({}));
    const run = (name: string, steps: object[]) => ({ kind: 'run-action', title: name, action: name, plan: { steps } });
    for (const [path, ...steps] of [
      ['plan.steps.1.kind', plan('fine').steps[0], { kind: 'shell', title: 'x' }],
      ['steps.0.merge.a', { kind: 'variables', title: 'x', merge: { a: { $from: 'steps.nobody.body' } } }],
      ['steps.0.plan.steps.0.plan.steps.0.action', run('b', [run('c', [run('b', plan('x').steps)])])],
    ]) {
      const { body: told } = await licensee.post('/v1/runs', body({ plan: { steps } })).expect(400);
      expect(told.issues.map((issue: { path: string }) => issue.path)).toEqual([path]);
    }
    const large = body({ info: 'x'.repeat(10_000_000) });
    expect((await licensee.post('/v1/runs', large).expect(413)).body.code).toBe('body_too_large');
    expect(await database.db.asSystem((tx) => tx.run.count({}))).toBe(before);
  });

  it('wants to know which install when there are several, one that is ready, and any at all', async () => {
    const issue = async (): Promise<IssuedLicence> =>
      (
        await acme.client
          .post('/v1/orgs/acme/apps/guestbook/licences', { plan: 'team', customerId: acme.customer.id })
          .expect(201)
      ).body;
    const licence = await issue();
    const other = anyone.as(licence.key);
    expect((await other.post('/v1/runs', body()).expect(409)).body.code).toBe('install_required');
    // The same customer: its clusters have names, so the second gets another one.
    await database.db.asSystem((tx) => tx.cluster.updateMany({ data: { name: 'first' } }));
    const own = await makeOwnRows(database, licence.id);
    await database.db.asSystem((tx) => tx.cluster.update({ where: { id: own.cluster }, data: { name: 'second' } }));
    const second = await makeOwnRows(database, licence.id);
    expect((await other.post('/v1/runs', body()).expect(400)).body.code).toBe('install_ambiguous');
    const runId = await start(other, { installId: second.install });
    await other.post('/v1/runs', body({ installId: rows.install })).expect(404);
    await licensee.get(`/v1/runs/${runId}`).expect(404);
    await database.db.asSystem((tx) =>
      tx.install.update({ where: { id: own.install }, data: { state: 'provisioning' } }),
    );
    expect((await other.post('/v1/runs', body({ installId: own.install })).expect(409)).body).toMatchObject({
      code: 'install_not_ready',
      state: 'provisioning',
    });
  });

  it('lets the licensee approve a step, never the publisher’s code, and retries what has ended', async () => {
    const steps = [{ kind: 'approval', title: 'Ask', message: 'May it?', timeoutSeconds: 600 }];
    const runId = await start(licensee, { plan: { steps } });
    expect(await work(runId)).toBe('waits');
    const { body: waiting } = await licensee.get(`/v1/runs/${runId}`).expect(200);
    expect(waiting).toMatchObject({ status: 'waiting', waiting: { for: 'May it?', step: 0 } });
    const answer = { step: 0, decision: 'approved' };
    await anyone
      .as(await token())
      .post(`/v1/runs/${runId}/approval`, answer)
      .expect(401);
    const early = await licensee.post(`/v1/runs/${runId}/retry`, {}).expect(409);
    expect(early.body.code).toBe('run_unfinished');
    await licensee.post(`/v1/runs/${runId}/approval`, answer).expect(200);
    expect(await work(runId)).toBe('positive');
    const late = await licensee.post(`/v1/runs/${runId}/approval`, answer).expect(409);
    expect(late.body.code).toBe('nothing_to_approve');
    const { body: again } = await licensee.post(`/v1/runs/${runId}/retry`, { from: 'start' }).expect(201);
    expect(again).toMatchObject({ status: 'queued', retryOf: runId });
    expect(again.id).not.toBe(runId);
    await licensee.post(`/v1/runs/${again.id}/cancel`).expect(202);
  });

  it('lets the licensee, never the publisher’s code, say what became of a step in doubt, and keeps who it was', async () => {
    let arrived = 0;
    const receiver = createServer((request) => {
      arrived++;
      request.socket.destroy();
    });
    await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const runId = await start(licensee, { plan: { steps: [{ kind: 'http-request', title: 'Send', url }] } });
    expect(await work(runId)).toBe('waits');
    receiver.close();
    const { body: waiting } = await licensee.get(`/v1/runs/${runId}`).expect(200);
    expect(waiting).toMatchObject({ status: 'waiting', waiting: { step: 0 }, steps: [{ status: 'unknown' }] });
    const answer = { step: 0, outcome: 'done', comment: 'It is there' };
    const kama = anyone.as(await token());
    await kama.post(`/v1/runs/${runId}/decision`, answer).expect(401);
    await licensee.post(`/v1/runs/${runId}/decision`, { ...answer, outcome: 'maybe' }).expect(400);
    const { body: decided } = await licensee.post(`/v1/runs/${runId}/decision`, answer).expect(200);
    const by = expect.stringMatching(/^the licensee \(.*lic_\w+\)$/);
    expect(decided.steps[0]).toMatchObject({
      status: 'positive',
      decision: { outcome: 'done', by, comment: 'It is there' },
    });
    const late = await licensee.post(`/v1/runs/${runId}/decision`, answer).expect(409);
    expect(late.body.code).toBe('nothing_to_decide');
    expect(await work(runId)).toBe('positive');
    expect(arrived).toBe(1);
    expect((await licensee.get(`/v1/runs/${runId}/changes`).expect(200)).body).toEqual({ data: [] });
  });

  it('previews only what would be a run, and stores nothing of it', async () => {
    const count = () => database.db.asSystem((tx) => tx.run.count());
    const before = await count();
    const bad = await licensee.post('/v1/runs/preview', body({ plan: plan('../x') })).expect(400);
    expect(bad.body).toMatchObject({ code: 'plan_invalid', issues: [{ path: 'steps.0.manifests.0.name' }] });
    await licensee.post('/v1/runs/preview', body({ installId: 'inst_other' })).expect(404);
    // The cluster of these rows is none: its credential cannot be opened.
    const { body: away } = await licensee.post('/v1/runs/preview', body()).expect(500);
    expect(away.code).toBe('seal_broken');
    expect(await database.db.asSystem((tx) => tx.run.count({}))).toBe(before);
  });

  it('streams a run’s story as it happens, and ends with it', async () => {
    const runId = await start();
    const following = follow(`/v1/runs/${runId}/events`);
    await systemClock.sleep(300);
    await work(runId);
    const { type, events, text } = await following;
    expect(type).toBe('text/event-stream; charset=utf-8');
    expect(events.map(({ id, event, data }) => [id, event, data['status']])).toEqual([
      [1, 'status', 'queued'],
      [2, 'status', 'running'],
      [3, 'status', 'negative'],
    ]);
    expect(events.at(-1)?.data['error']).toMatchObject({ code: 'cluster_unauthorized' });
    expect(text.startsWith('retry: ')).toBe(true);
    const { body: run } = await licensee.get(`/v1/runs/${runId}`).expect(200);
    expect(run).toMatchObject({ status: 'negative', error: { code: 'cluster_unauthorized', fatal: true } });
    expect((await licensee.post(`/v1/runs/${runId}/cancel`).expect(409)).body.code).toBe('run_finished');
  });

  it('goes on after Last-Event-ID without a gap or a repetition, and says when there is nothing more', async () => {
    const runId = await start();
    const path = `/v1/runs/${runId}/events`;
    const first = await follow(path, { stopAt: 1 });
    await work(runId);
    const rest = await follow(path, { after: first.events.at(-1)?.id ?? 0 });
    expect([...first.events, ...rest.events].map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(await follow(path, { after: 3 })).toMatchObject({ status: 204, events: [] });
    const { status } = await fetch(`${api.url}${path}`, {
      headers: { authorization: `Bearer ${acme.licence.key}`, 'last-event-id': 'x' },
    });
    expect(status).toBe(400);
  });

  it('ends open streams when the server drains, with a retry line', async () => {
    const runId = await start();
    let count = 0;
    const following = follow(`/v1/runs/${runId}/events`, { onEvents: (now) => (count = now) });
    await expect.poll(() => count).toBe(1);
    api.platform.streams.endAll();
    const { text, events } = await following;
    expect(events).toHaveLength(1);
    expect(text.trimEnd()).toMatch(/retry: \d+$/);
    await licensee.post(`/v1/runs/${runId}/cancel`).expect(202);
  });

  it('cuts a stream when the licence is revoked, the API token ends or the session is closed, and opens none then', async () => {
    const other = await acme.client
      .post('/v1/orgs/acme/apps/guestbook/licences', {
        plan: 'team',
        customerId: (await acme.client.post('/v1/orgs/acme/customers', { name: 'Revoked' }).expect(201)).body.id,
      })
      .expect(201);
    const own = await makeOwnRows(database, other.body.id);
    const [runId, theirs] = [await start(), await start(anyone.as(other.body.key), { installId: own.install })];
    const { body: token } = await acme.client
      .post('/v1/orgs/acme/tokens', { name: 'look', role: 'support' })
      .expect(201);
    const session = await licensee.post('/v1/licence/session', {}).expect(200);
    const open = async (path: string, bearer: string) => {
      const answer = await fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
      expect(answer.status).toBe(200);
      let over = false;
      const ended = (async () => {
        for await (const _ of answer.body ?? []);
        over = true;
      })();
      return { isOver: () => over, ended };
    };
    const byLicence = await open(`/v1/runs/${theirs}/events`, other.body.key);
    const byToken = await open(`/v1/orgs/acme/runs/${runId}/events`, token.token);
    const bySession = await open(`/v1/runs/${runId}/events`, session.body.token);
    const untouched = await open(`/v1/runs/${runId}/events`, acme.licence.key);
    const beganMs = systemClock.monotonicMs();
    await acme.client.post(`/v1/orgs/acme/apps/guestbook/licences/${other.body.id}/revoke`).expect(200);
    await byLicence.ended;
    await acme.client.delete(`/v1/orgs/acme/tokens/${token.id}`).expect(204);
    await byToken.ended;
    await anyone.as(session.body.token).delete('/v1/licence/session').expect(204);
    await bySession.ended;
    // Two seconds each, on a machine that does nothing else.
    expect(systemClock.monotonicMs() - beganMs).toBeLessThan(30_000);
    expect(untouched.isOver()).toBe(false);
    const again = await fetch(`${api.url}/v1/runs/${theirs}/events`, {
      headers: { authorization: `Bearer ${other.body.key}` },
    });
    expect(again.status).toBe(403);
    expect(await again.json()).toMatchObject({ code: 'licence_revoked' });
    await licensee.post(`/v1/runs/${runId}/cancel`).expect(202);
    await untouched.ended;
  });

  it('finds runs by status, who, time and text, and exports what it finds', async () => {
    const runId = await start(licensee, { title: 'Find =me', action: 'find' });
    await licensee.post(`/v1/runs/${runId}/cancel`).expect(202);
    const ids = async (query: string) =>
      (await licensee.get(`/v1/runs?${query}`).expect(200)).body.data.map(({ id }: { id: string }) => id);
    expect(await ids('action=find')).toEqual([runId]);
    expect(await ids('text=FIND%20%3Dme&status=cancelled,negative')).toEqual([runId]);
    expect(await ids('text=find&status=positive')).toEqual([]);
    expect((await ids('order=newest'))[0]).toBe(runId);
    expect(await ids(`who=${acme.licence.id}&action=find&from=2020-01-01T00:00:00Z`)).toEqual([runId]);
    expect(await ids('action=find&to=2020-01-01T00:00:00Z')).toEqual([]);
    await licensee.get('/v1/runs?status=asleep').expect(400);
    const lines = await licensee.get('/v1/runs/export?action=find').expect(200);
    expect(lines.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(JSON.parse(lines.text)).toMatchObject({ id: runId, status: 'cancelled', startedBy: acme.licence.id });
    const csv = await acme.client.get('/v1/orgs/acme/runs/export?action=find&format=csv').expect(200);
    const [head, row, rest] = csv.text.split('\r\n');
    expect(head).toMatch(/^id,createdAt,/);
    expect(row).toContain(`${runId},`);
    expect(row).toContain(',cancelled,action,find,Find =me,');
    expect(rest).toBe('');
  });

  it('shows a publisher the runs of its customers from role support on, and lets it change nothing', async () => {
    const runId = await start();
    const as = async (role: string) =>
      anyone.as((await acme.client.post('/v1/orgs/acme/tokens', { name: role, role }).expect(201)).body.token);
    const support = await as('support');
    expect((await support.get(`/v1/orgs/acme/runs/${runId}`).expect(200)).body.id).toBe(runId);
    expect((await support.get('/v1/orgs/acme/runs').expect(200)).body.data.length).toBeGreaterThan(0);
    await (await as('viewer')).get('/v1/orgs/acme/runs').expect(403);
    await support.post(`/v1/runs/${runId}/cancel`).expect(401);
    const rival = await makePublisher(anyone, 'rival');
    await rival.client.get(`/v1/orgs/rival/runs/${runId}`).expect(404);
    await rival.client.get(`/v1/orgs/rival/runs/${runId}/events`).expect(404);
  });
});
