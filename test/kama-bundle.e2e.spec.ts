import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { packBundle, readBundleFolder } from '@nm/kama-sdk';
import type { Cluster, Install, IssuedLicence, TokenPair } from '@nm/kernel/contracts';
import { bundleMediaType } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { driveRuns } from '../apps/kama/test/conformance/drive-runs.js';
import { kamaConformance } from '../apps/kama/test/conformance/kama-conformance.js';
import { guestbook } from '../apps/kama/test/driven-apps.js';
import { adminTarget } from '../libs/testing/admin-target.js';
import { describeWith } from '../libs/testing/needs.js';
import { type DevstackRun, devstackEnv, root, startDevstack } from './devstack-process.js';
import { call, type Demo, kamaCalls } from './kama-calls.js';

const demoAnswersMs = 600_000;
const settledMs = 120_000;

describeWith(['kubernetes'], 'an app that is descriptors only, behind the gateway, on a real cluster', () => {
  const namespace = `bundle-${newId('request').slice(-8)}`;
  let home: string;
  let devstack: DevstackRun;
  let admin: KubeSession;
  let demo: Demo;
  let token: string;
  let licence: IssuedLicence;

  const { publisher, licensee, kama, settled } = kamaCalls('guestbook', () => ({ demo, token, licence }));
  const kamafile = async () => {
    const map = await admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'kamafile' }, namespace);
    return JSON.parse((map?.['data'] as { app: string } | undefined)?.app ?? '{}');
  };
  const replicas = async () => {
    const page = await admin.get({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'guestbook-web' }, namespace);
    return (page?.['spec'] as { replicas: number } | undefined)?.replicas;
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-bundle-'));
    devstack = startDevstack(await devstackEnv(home, { NM_RUNTIME_DRIVERS: 'process', NM_KUBELAB: 'off' }));
    await devstack.shows('Try it', demoAnswersMs);
    demo = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));
    admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const { email, password } = demo.publisher;
    token = ((await call('POST', `${demo.apiUrl}/v1/auth/login`, '', { email, password })).body as TokenPair)
      .accessToken;
    const folder = join(root, 'examples/guestbook-bundle');
    const packed = packBundle(await readBundleFolder(folder));
    const pushed = await fetch(`${demo.apiUrl}/v1/orgs/acme/bundles/${packed.digest}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': bundleMediaType },
      body: new Uint8Array(packed.bytes),
    });
    expect(pushed.status, await pushed.text()).toBe(200);
    const spec = JSON.parse(await readFile(join(folder, 'version.json'), 'utf8')) as object;
    await publisher('POST', '/apps/guestbook/versions', { name: '3.0.0', spec });
    await publisher('POST', '/apps/guestbook/versions/3.0.0/publish');
    await publisher('PUT', '/apps/guestbook/channels/stable', { version: '3.0.0' });
    const customer = (await publisher('POST', '/customers', { name: 'Soylent' })) as { id: string };
    licence = await publisher('POST', '/apps/guestbook/licences', { plan: 'team', customerId: customer.id });
    const kubeconfig = await readFile(inject('kubeconfigPath'), 'utf8');
    const cluster = await licensee<Cluster>('POST', '/clusters', { name: 'real', kubeconfig });
    const install = await licensee<Install>('POST', '/installs', { clusterId: cluster.id, namespace });
    const state = async () => (await licensee<Install>('GET', `/installs/${install.id}`)).state;
    await vi.waitFor(async () => expect(await state()).toBe('ready'), { timeout: settledMs, interval: 200 });
  }, 900_000);

  afterAll(async () => {
    await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(() => undefined);
    await admin?.close();
    await devstack?.ctrlC();
    if (home) await rm(home, { recursive: true, force: true });
  });

  it('is woken, and shows its variables with what the publisher ships', async () => {
    expect((await kama('GET', '/api/ping')).body).toEqual({ ping: 'pong' });
    const { status, body } = await kama('GET', '/api/variables/all');
    expect([status, body.error]).toEqual([200, undefined]);
    const byId = Object.fromEntries(body.data.map((each: { id: string }) => [each.id, each]));
    expect(byId['web.replicas']).toMatchObject({ value: 1, is_valid: true, category: { title: 'The page' } });
    expect((await kama('GET', '/api/status')).body).toMatchObject({ ns: namespace, is_healthy: true });
  });

  it('validates by its descriptors, and answers faults with a code, never with a page', async () => {
    const validate = (value: unknown) => kama('POST', '/api/variables/detail/web.replicas/validate', { value });
    expect((await validate(3)).body.data).toEqual({ status: 'valid', message: null });
    expect((await validate(21)).body.data).toEqual({ status: 'error', message: 'Must be at most 20, not 21' });
    expect((await validate('7')).body.data.status).toBe('valid');
    expect(await kama('POST', '/api/variables/detail/web.replicas/validate', {})).toMatchObject({
      status: 400,
      body: { code: 'invalid_body' },
    });
    expect(await kama('GET', '/api/operations/app.operation.none')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await kama('GET', '/api/nothing')).toMatchObject({ status: 404, body: { error: 'not_found' } });
  });

  it('commits variables by a run that writes the Kamafile and applies what the templates say', async () => {
    const { body } = await kama('POST', '/api/variables/commit-apply', { assignments: { 'web.replicas': 2 } });
    expect(body.data?.job_id, JSON.stringify(body)).toMatch(/^run_/);
    const job = await settled(body.data.job_id);
    expect([job.status, job.result]).toEqual(['positive', null]);
    expect(await replicas()).toBe(2);
    expect(await kamafile()).toMatchObject({ user_vars: { web: { replicas: 2 } }, ktea: { type: 'jinja' } });
    const { data } = (await kama('GET', '/api/variables/detail/web.replicas')).body;
    expect([data.value, data.type]).toEqual([2, 'SliderInput']);
  });

  it('leads through an operation whose state no process keeps', async () => {
    const at = '/api/operations/app.operation.resize';
    const { body } = await kama('POST', `${at}/generate-ost`, {});
    expect(body.data).toMatch(/^[a-z]{10}$/);
    const ost = { Ostid: body.data as string };
    const values = { 'web.replicas': 6, why: 'Black Friday' };
    const fields = (await kama('POST', `${at}/steps/size/refresh`, { values }, ost)).body.data.step.fields;
    expect(fields.map((field: { id: string }) => field.id)).toEqual(['web.replicas', 'why']);
    const run = await kama('POST', `${at}/steps/size/run`, { values }, ost);
    expect(run.status, JSON.stringify(run.body)).toBe(200);
    expect((await settled(run.body.data.job_id)).status).toBe('positive');
    expect(await replicas()).toBe(6);
    expect((await kama('GET', `${at}/steps/size/next`, undefined, ost)).body).toEqual({ step_id: 'done' });
  });

  it('checks itself, and keeps the outcome for whoever polls it', async () => {
    const checks = (await kama('GET', '/api/actions/type/system_check')).body.data;
    expect(checks.map((check: { id: string }) => check.id)).toEqual(['app.predicate.page-runs']);
    const { job_id } = (
      await kama('POST', '/api/actions/run_predicates', { predicates: ['id::app.predicate.page-runs'] })
    ).body;
    const job = await settled(job_id);
    expect(job.progress.sub_items).toHaveLength(1);
    expect(['positive', 'negative']).toContain(job.status);
  });

  it('refuses a change with the sentence of its templates, and changes nothing', async () => {
    const before = await kamafile();
    const { body } = await kama('POST', '/api/variables/commit-apply', { assignments: { 'web.replicas': 'many' } });
    const job = await settled(body.data.job_id);
    expect(job.status).toBe('negative');
    expect(await kamafile()).toEqual(before);
    expect(await replicas()).toBe(6);
  });

  const throughTheGateway = () => ({
    baseUrl: `${demo.gatewayUrl}/kama/acme/guestbook`,
    headers: { authorization: `Bearer ${licence.key}` },
  });
  kamaConformance(throughTheGateway, guestbook.driven);
  driveRuns(throughTheGateway);
});
