import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@nm/testing';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { debianImages, importDebianImages } from '../../libs/testing/debian-images.js';
import { type Dockerd, startDockerd } from '../../libs/testing/dockerd.js';
import { describeWith } from '../../libs/testing/needs.js';
import { giveIdentity } from './agent-identity.js';
import { forwardTo, openBridge } from './bridge.js';
import { ComposeProject } from './compose-project.js';
import { call, Publisher } from './publisher.js';

const imageMibMax = 420;
const dayMs = 86_400_000;
const name = `nmcompose${process.pid}`;
const bridge = `nmc${process.pid}`;
const subnet = `10.${150 + (process.pid % 50)}.0`;

const withoutTraffic = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !/"(route":"kama|msg":"request)"/.test(line))
    .join('\n');

describeWith(['compose', 'kubernetes'], 'docker-compose.yml, brought up on an engine of its own', () => {
  const undo: (() => Promise<unknown>)[] = [];
  const times: string[] = [];
  const gateways: string[] = [];
  const licences: Record<'active' | 'expired' | 'suspended', string> = { active: '', expired: '', suspended: '' };
  let dockerd: Dockerd;
  let project: ComposeProject;
  let api: string;
  let publisher: Publisher;
  let failed = false;
  let isUp = false;

  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    try {
      return await work();
    } finally {
      times.push(`${what} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    }
  };
  const kama = (gateway: string, path: string) => `${gateway}/kama/acme/guestbook/api${path}`;

  beforeAll(async () => {
    dockerd = await timed('engine', startDockerd);
    undo.push(() => dockerd.stop());
    await timed('base images', () => importDebianImages(dockerd.socket));
    const ports = await Promise.all(Array.from({ length: 5 }, freePort));
    const [gateway1, gateway2, apiPort] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string, string];
    gateways.push(gateway1, gateway2);
    api = apiPort;
    project = new ComposeProject({
      name,
      socket: dockerd.socket,
      env: {
        BASE_IMAGE: debianImages.node,
        NM_MASTER_KEY: randomBytes(32).toString('base64'),
        NM_APP_PASSWORD: randomBytes(16).toString('hex'),
        POSTGRES_PASSWORD: randomBytes(16).toString('hex'),
        NM_GATEWAY_PORT: String(ports[0]),
        NM_GATEWAY_2_PORT: String(ports[1]),
        NM_API_PORT: String(ports[2]),
        NM_AGENT_PORT: String(ports[3]),
        NM_AGENT_2_PORT: String(ports[4]),
        NM_PUBLIC_GATEWAY_URL: gateway1,
        NM_PUBLIC_API_URL: api,
        NM_PUBLIC_AGENT_URL: `ws://127.0.0.1:${ports[3]}`,
        NM_EGRESS_ALLOW: `${subnet}.1/32`,
        NM_TEST_SUBNET: `${subnet}.0/24`,
        NM_TEST_BRIDGE: bridge,
      },
    });
    await timed('build', () => project.compose('build'));
    undo.push(await openBridge(bridge));
    undo.push(() => project.compose('down', '--volumes', '--remove-orphans', '--timeout', '10'));
    await timed('up', async () => {
      await project.compose('up', '-d');
      await Promise.all([...gateways.map((url) => answers(`${url}/healthz`)), answers(`${api}/healthz`)]);
    });
    isUp = true;
  }, 1_800_000);

  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });

  afterAll(async () => {
    if (project && (failed || !isUp))
      console.error(withoutTraffic(await project.compose('logs', '--no-color', '--tail', '300').catch(String)));
    await timed('down', async () => {
      for (const step of undo.reverse()) await step().catch((error: unknown) => console.error(error));
    });
    console.info(`compose: ${times.join(', ')}`);
  }, 120_000);

  /** Whatever it says: somebody listens there and speaks HTTP. */
  const answers = async (url: string): Promise<void> => {
    for (let left = 1_500; left > 0; left--) {
      const heard = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
        () => true,
        () => false,
      );
      if (heard) return;
      await sleep(200);
    }
    throw new Error(`nobody answers at ${url}`);
  };

  it('makes one small image that does not run as root', async () => {
    const [size, user] = (await project.docker('inspect', '--format', '{{.Size}} {{.Config.User}}', 'nmachine:local'))
      .trim()
      .split(' ');
    const base = await project.docker('inspect', '--format', '{{.Size}}', debianImages.node);
    const ownMib = (Number(size) - Number(base)) / 2 ** 20;
    times.push(`image ${(Number(size) / 2 ** 20).toFixed(0)} MiB, ${ownMib.toFixed(0)} of it ours`);
    expect(user).toBe('65532:65532');
    expect(Number(size) / 2 ** 20).toBeLessThan(imageMibMax);
  });

  it('takes in a publisher, an app and licences through the API', async () => {
    publisher = await Publisher.signUp(api);
    await publisher.ship();
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    licences.active = (await publisher.issue('Initech')).key;
    licences.expired = (await publisher.issue('Hooli', { startsAt: inMs(-60 * dayMs), expiresAt: inMs(-dayMs) })).key;
    const { id, key } = await publisher.issue('Globex');
    await publisher.suspend(id);
    licences.suspended = key;
  });

  it('refuses everybody else at both gateways, and wakes nothing for them', async () => {
    for (const gateway of gateways) {
      const status = kama(gateway, '/status');
      expect(await call(status, licences.expired)).toMatchObject({ status: 403, body: { code: 'licence_expired' } });
      expect(await call(status, licences.suspended)).toMatchObject({
        status: 403,
        body: { code: 'licence_suspended' },
      });
      expect((await call(status, 'nml_wrong')).status).toBe(401);
      expect((await call(status)).status).toBe(401);
      const other = `${gateway}/kama/acme/nothing/api/status`;
      expect(await call(other, licences.active)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(await publisher.instances()).toEqual([]);
  });

  it('wakes one instance for requests that reach both gateways at once', async () => {
    const requests = [0, 1, 0, 1, 0, 1].map((index) =>
      call(kama(gateways[index] as string, '/status'), licences.active),
    );
    const all = await timed('wake', () => Promise.all(requests));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect(all.some(({ headers }) => Number(headers.get('nm-wake-ms')) > 0)).toBe(true);
    expect(await publisher.instances()).toHaveLength(1);
    const processes = await project.processesOf('operator');
    // Beside each KAMA stands its guard, a shell with the same words on its command line.
    const kamas = processes.filter((line) => line.includes('guestbook') && !line.includes('/bin/sh'));
    expect(kamas, processes.join('\n')).toHaveLength(1);
  });

  it('installs on a cluster by a long action, which either gateway and the API tell of', async () => {
    const kubeconfig = parse(await readFile(inject('kubeconfigPath'), 'utf8'));
    const [{ cluster }] = kubeconfig.clusters;
    const { port, close } = await forwardTo(Number(new URL(cluster.server).port), `${subnet}.1`);
    undo.push(close);
    Object.assign(cluster, { server: `https://${subnet}.1:${port}`, 'tls-server-name': 'localhost' });
    const file = JSON.stringify(kubeconfig);
    const registered = await call(`${api}/v1/clusters`, licences.active, { name: 'lab', kubeconfig: file });
    expect(registered, JSON.stringify(registered.body)).toMatchObject({ status: 201 });
    const namespace = name;
    const made = await call(`${api}/v1/installs`, licences.active, { clusterId: registered.body.id, namespace });
    expect(made.status, JSON.stringify(made.body)).toBeLessThan(300);
    const install = () => call(`${api}/v1/installs/${made.body.id}`, licences.active);
    await expect.poll(async () => (await install()).body.state, { timeout: 60_000 }).toBe('ready');

    const started = await call(kama(gateways[0] as string, '/actions/install/run'), licences.active, {});
    expect(started.status, JSON.stringify(started.body)).toBeLessThan(300);
    const job = started.body.data.job_id;
    const run = () => call(`${api}/v1/runs/${job}`, licences.active);
    await timed('install action', () =>
      expect.poll(async () => (await run()).body.status, { timeout: 60_000 }).toBe('positive'),
    );
    expect((await run()).body.steps.map((step: { status: string }) => step.status)).not.toContain('running');
    const status = await call(kama(gateways[1] as string, `/app/jobs/${job}/status`), licences.active);
    expect(status.status).toBe(200);
    expect(JSON.stringify(status.body)).toContain('"positive"');
  });

  it('reaches a private cluster through the agent’s container, which only dials out and is not root', async () => {
    const namespace = `${name}-private`;
    const { body: cluster } = await call(`${api}/v1/clusters`, licences.active, { name: 'private', agent: true });
    const at = `${api}/v1/clusters/${cluster.id}`;
    const manifest = await call(`${at}/agent-manifest?namespace=${namespace}`, licences.active);
    const { folder, server, remove } = await giveIdentity(namespace, manifest.body);
    undo.push(remove);
    const agent = project.with({
      COMPOSE_PROFILES: 'agent',
      NM_AGENT_TOKEN: cluster.agentToken,
      NM_AGENT_SERVER: server.origin,
      NM_AGENT_KUBE_HOST: server.hostname,
      NM_AGENT_KUBE_PORT: server.port,
      NM_AGENT_KUBE_DIR: folder,
    });
    undo.push(() => agent.compose('rm', '--stop', '--force', 'agent'));
    const check = () => call(`${at}/check`, licences.active, { namespace });
    expect((await check()).body.health).toBe('unreachable');
    await timed('agent', async () => {
      await agent.compose('up', '-d', 'agent');
      const replicas = async () => (await call(`${at}/agent`, licences.active)).body.replicas;
      await expect.poll(replicas, { timeout: 120_000, interval: 200 }).toHaveLength(1);
    });
    expect((await check()).body).toMatchObject({ health: 'reachable', ready: true });
    const status = await readFile(`/proc/${await agent.pidOf('agent')}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
    // It lets connections that are open come to their end first.
    await agent.compose('stop', '--timeout', '60', 'agent');
    expect(await agent.exitCodeOf('agent')).toBe(0);
    await expect.poll(async () => (await check()).body.health, { timeout: 60_000 }).toBe('unreachable');
  }, 300_000);

  it('refuses a licence at both gateways once it is suspended', async () => {
    const { id, key } = await publisher.issue('Umbrella');
    for (const gateway of gateways) expect((await call(kama(gateway, '/ping'), key)).status).toBe(200);
    await publisher.suspend(id);
    await Promise.all(
      gateways.map((gateway) =>
        expect
          .poll(async () => (await call(kama(gateway, '/ping'), key)).body.code, { timeout: 30_000, interval: 20 })
          .toBe('licence_suspended'),
      ),
    );
  });

  it('loses no request of a client that retries once when a gateway is killed under load, and gets it back', async () => {
    let sent = 0;
    let retried = 0;
    const failures: string[] = [];
    let over = false;
    const once = async (gateway: string): Promise<string | undefined> => {
      try {
        const { status } = await call(kama(gateway, '/ping'), licences.active);
        return status === 200 ? undefined : `${status}`;
      } catch (error) {
        return String((error as Error).cause ?? error);
      }
    };
    const client = async (first: number): Promise<void> => {
      for (let index = first; !over; index++) {
        sent++;
        if ((await once(gateways[index % 2] as string)) === undefined) continue;
        retried++;
        const second = await once(gateways[(index + 1) % 2] as string);
        if (second !== undefined) failures.push(second);
      }
    };
    const clients = [0, 1, 2, 3].map(client);
    await sleep(1_500);
    const killed = await project.pidOf('gateway-1');
    // From outside, as a crash: after `docker kill` the engine would respect the wish and leave it dead.
    process.kill(killed, 'SIGKILL');
    await sleep(2_500);
    over = true;
    await Promise.all(clients);
    times.push(`${sent} requests, ${retried} retried`);
    expect(failures).toEqual([]);
    expect(retried).toBeGreaterThan(0);
    expect(sent).toBeGreaterThan(50);

    await expect.poll(() => once(gateways[0] as string), { timeout: 30_000, interval: 200 }).toBeUndefined();
    expect(await project.pidOf('gateway-1')).not.toBe(killed);
    expect(await publisher.instances()).toHaveLength(1);
  });
});
