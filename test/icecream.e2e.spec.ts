import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import type { Cluster, Install, IssuedLicence, TokenPair } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { adminTarget } from '../libs/testing/admin-target.js';
import { describeWith } from '../libs/testing/needs.js';
import { type DevstackRun, devstackEnv, root, startDevstack } from './devstack-process.js';
import { call, type Demo, kamaCalls } from './kama-calls.js';

const demoAnswersMs = 600_000;
const settledMs = 120_000;
const app = 'gelato';
const engine = 'cones';

describeWith(['kubernetes'], 'an app with code, a chart and a plugin, behind the gateway, on a real cluster', () => {
  const namespace = `ice-${newId('request').slice(-8)}`;
  let home: string;
  let devstack: DevstackRun;
  let admin: KubeSession;
  let demo: Demo;
  let token: string;
  let licence: IssuedLicence;

  const { publisher, licensee, kama, settled } = kamaCalls(app, () => ({ demo, token, licence }));
  const object = async (kind: string, name: string, apiVersion = 'v1') => {
    // biome-ignore lint/suspicious/noExplicitAny: an object of the cluster, as it is
    const found: any = await admin.get({ apiVersion, kind, name }, namespace);
    return found;
  };
  const hidden = async () =>
    JSON.parse(Buffer.from((await object('Secret', 'kamafile'))?.data?.app ?? 'e30=', 'base64').toString('utf8'));
  const publish = async (slug: string, spec: object) => {
    await publisher('POST', `/apps/${slug}/versions`, { name: '1.0.0', spec });
    await publisher('POST', `/apps/${slug}/versions/1.0.0/publish`);
    await publisher('PUT', `/apps/${slug}/channels/stable`, { version: '1.0.0' });
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-icecream-'));
    // The helm that was built beside the cluster.
    const path = [inject('kubernetesBin'), process.env['PATH'] ?? ''].join(delimiter);
    const env = { NM_RUNTIME_DRIVERS: 'process', NM_KUBELAB: 'off', PATH: path };
    devstack = startDevstack(await devstackEnv(home, env));
    await devstack.shows('Try it', demoAnswersMs);
    demo = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));
    admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const { email, password } = demo.publisher;
    token = ((await call('POST', `${demo.apiUrl}/v1/auth/login`, '', { email, password })).body as TokenPair)
      .accessToken;
    await publisher('POST', '/apps', { slug: app, name: 'Ice cream' });
    await publisher('POST', '/apps', { slug: engine, name: 'Cones', kind: 'ktea' });
    await publish(app, JSON.parse(await readFile(join(root, 'examples/icecream/version.json'), 'utf8')) as object);
    const server = 'dist/apps/kama/src/main.js';
    await publish(engine, {
      kind: 'container',
      command: ['node', server, 'ktea-server', '--chart', 'examples/icecream/assets/chart'],
      healthPath: '/healthz',
      tenancy: 'app',
    });
    await publisher('PATCH', `/apps/${app}`, { engines: [engine] });
    await publisher('POST', `/apps/${app}/plans`, { slug: 'cone', name: 'Cone', limits: { installsMax: 3 } });
    const customer = (await publisher('POST', '/customers', { name: 'Soylent' })) as { id: string };
    licence = await publisher('POST', `/apps/${app}/licences`, { plan: 'cone', customerId: customer.id });
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

  it('is woken with its code: options and validators are TypeScript', async () => {
    expect((await kama('GET', '/api/ping')).body).toEqual({ ping: 'pong' });
    const { status, body } = await kama('GET', '/api/variables/detail/shop.flavour');
    expect([status, body.error]).toEqual([200, undefined]);
    expect(body.data).toMatchObject({ value: 'vanilla', type: 'SelectInput' });
    expect(body.data.options).toEqual([
      { id: 'vanilla', title: 'Vanilla' },
      { id: 'lemon', title: 'Lemon' },
    ]);
    const validate = (value: string) => kama('POST', '/api/variables/detail/shop.flavour/validate', { value });
    expect((await validate('lemon')).body.data).toEqual({ status: 'valid', message: null });
    expect((await validate('chestnut')).body.data).toEqual({
      status: 'error',
      message: 'There is no chestnut in summer',
    });
  });

  it('applies what its Helm chart renders', async () => {
    const { body } = await kama('POST', '/api/variables/commit-apply', {
      assignments: { 'shop.flavour': 'lemon', 'shop.freezers': 2 },
    });
    const job = await settled(body.data?.job_id);
    expect([job.status, job.result], JSON.stringify(job)).toEqual(['positive', null]);
    expect((await object('ConfigMap', 'icecream-menu')).data).toEqual({ flavour: 'lemon' });
    expect((await object('Deployment', 'icecream', 'apps/v1')).spec.replicas).toBe(2);
  });

  it('refuses with the words of the chart, and changes nothing', async () => {
    const { body } = await kama('POST', '/api/variables/commit-apply', { assignments: { 'shop.flavour': '' } });
    const job = await settled(body.data?.job_id);
    expect(job.status).toBe('negative');
    expect(JSON.stringify(job.progress)).toContain('shop.flavour must be set');
    expect((await object('ConfigMap', 'icecream-menu')).data).toEqual({ flavour: 'lemon' });
  });

  it('keeps a secret in the Secret, renders it, and never shows it', async () => {
    const at = '/api/operations/app.operation.set-password';
    const ost = { Ostid: (await kama('POST', `${at}/generate-ost`, {})).body.data as string };
    const field = `${at}/steps/password/fields/till.password/validate`;
    expect((await kama('POST', field, { value: 'hush' }, ost)).body.data).toMatchObject({
      status: 'error',
      message: 'Must be at least 3 words',
    });
    const values = { 'till.password': 'three cold scoops' };
    const run = await kama('POST', `${at}/steps/password/run`, { values }, ost);
    expect((await settled(run.body.data?.job_id)).status, JSON.stringify(run.body)).toBe('positive');
    expect(await hidden()).toMatchObject({ user_vars: { till: { password: 'three cold scoops' } } });
    expect(JSON.stringify(await object('ConfigMap', 'kamafile'))).not.toContain('scoops');
    const till = await object('Secret', 'icecream-till');
    expect(Buffer.from(till.data.password, 'base64').toString('utf8')).toBe('three cold scoops');
    const shown = (await kama('GET', '/api/variables/detail/till.password')).body.data;
    expect(shown).toMatchObject({ value: null, is_secret: true });
    expect(JSON.stringify((await kama('GET', '/api/variables/all')).body)).not.toContain('scoops');
  });

  it('runs an action whose code looked at the cluster and planned', async () => {
    const ready = async () => (await object('Deployment', 'icecream', 'apps/v1'))?.status?.readyReplicas;
    await expect.poll(ready, { timeout: settledMs, interval: 250 }).toBe(2);
    const { body } = await kama('POST', '/api/actions/app.action.churn/run', {});
    const job = await settled(body.job_id);
    expect(job.status, JSON.stringify(job)).toBe('positive');
    expect((await object('ConfigMap', 'icecream-batch')).data.litres).toBe('10');
  });

  it('has a plugin with a space and an engine of its own', async () => {
    const [topping] = (await kama('GET', '/api/variables/all?space=acme.toppings')).body.data;
    expect(topping).toMatchObject({ id: 'topping', value: 'sprinkles', config_space: 'acme.toppings' });
    const { body } = await kama('POST', '/api/actions/toppings.action.apply/run', {});
    const job = await settled(body.job_id);
    expect(job.status, JSON.stringify(job)).toBe('positive');
    expect(await object('ConfigMap', 'icecream-topping')).toMatchObject({
      metadata: { annotations: { 'acme.example/version': '1.0.0' } },
      data: { topping: 'sprinkles' },
    });
  });

  it('shows a table of the resources of its install', async () => {
    const { status, body } = await kama('GET', '/api/view_specs/tables/app.view.freezers/compute');
    expect([status, JSON.stringify(body)]).toEqual([200, expect.stringContaining('2 of 2')]);
  });

  it('renders by a managed engine, with the token of its own request', async () => {
    const ktea = { type: 'managed', uri: `acme/${engine}`, version: '1.0.0' };
    const values = { shop: { flavour: 'mint', freezers: 1, image: 'x' }, till: { password: 'a' } };
    const action = { kind: 'TemplateManifestAction', id: 'try', values, ktea };
    const id = encodeURIComponent(Buffer.from(JSON.stringify(action)).toString('base64'));
    const job = await settled((await kama('POST', `/api/actions/${id}/run`, {})).body.job_id);
    expect(job.status, JSON.stringify(job)).toBe('positive');
    expect(job.progress.logs).toContain('configmap/icecream-menu');
    const other = { ...action, ktea: { ...ktea, uri: 'acme/guestbook' } };
    const otherId = encodeURIComponent(Buffer.from(JSON.stringify(other)).toString('base64'));
    const refused = await settled((await kama('POST', `/api/actions/${otherId}/run`, {})).body.job_id);
    expect(JSON.stringify(refused.progress)).toContain('answered 404');
  });

  it('lends its engine at the gateway to licences of the app only, and renders equal values once', async () => {
    const engineUrl = `${demo.gatewayUrl}/ktea/acme/${engine}/1.0.0`;
    const values = { shop: { flavour: 'basil', freezers: 1, image: 'x' }, till: { password: 'a' } };
    const render = (credential: string) =>
      call('POST', `${engineUrl}/template?release_name=${namespace}`, credential, values);
    expect((await render('nml_nonsense')).status).toBe(401);
    const first = await render(licence.key);
    expect([first.status, first.headers.get('x-engine-cache')], JSON.stringify(first.body)).toEqual([200, 'miss']);
    expect(first.body.data.map((each: { kind: string }) => each.kind)).toEqual(['Secret', 'ConfigMap', 'Deployment']);
    expect((await render(licence.key)).headers.get('x-engine-cache')).toBe('hit');
    expect((await call('GET', `${engineUrl}/values`, licence.key)).body.data.shop.flavour).toBe('vanilla');
    await publisher('POST', `/apps/${app}/licences/${licence.id}/suspend`);
    await expect.poll(async () => (await render(licence.key)).status, { timeout: settledMs }).toBe(403);
  });
});
