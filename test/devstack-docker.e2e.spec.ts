import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import type { Cluster, Install } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { driveIcecream } from '../apps/kama/test/conformance/drive-icecream.js';
import type { DrivenKama } from '../apps/kama/test/conformance/kama-conformance.js';
import { adminTarget } from '../libs/testing/admin-target.js';
import { type Dockerd, startDockerd } from '../libs/testing/dockerd.js';
import { describeWith } from '../libs/testing/needs.js';
import { buildGuestbookImage, buildIcecreamImage, buildNodeBaseImage } from '../libs/testing/node-base-image.js';
import { type DevstackRun, devstackEnv, processesOf, startDevstack } from './devstack-process.js';
import { call } from './kama-calls.js';

describeWith(['docker', 'kubernetes'], 'npm start where a Docker engine answers', () => {
  let home: string;
  let dockerd: Dockerd;
  let devstack: DevstackRun;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-devstack-docker-'));
    dockerd = await startDockerd();
    // Nothing can be pulled in CI: the demo's image is made of this machine's Node.
    await buildNodeBaseImage(dockerd.engine);
    await buildGuestbookImage(dockerd.engine);
    await buildIcecreamImage(dockerd.engine, join(inject('kubernetesBin'), 'helm'));
    devstack = startDevstack(await devstackEnv(home, { NM_DOCKER_SOCKET: dockerd.socket, NM_KUBELAB: 'off' }));
    await devstack.shows('Try it');
  }, 300_000);

  afterAll(async () => {
    await devstack?.ctrlC();
    await dockerd?.stop();
    if (home) await rm(home, { recursive: true, force: true });
  });

  it('says that it uses containers, and hosts the app in one that reaches the API', async () => {
    expect(devstack.output()).toContain('KAMAs run as containers');
    const demo = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));
    const answer = await fetch(`${demo.gatewayUrl}/kama/acme/guestbook/api/status`, {
      headers: { authorization: `Bearer ${demo.licences.active}` },
    });
    // The app has verified the signed context with keys that it fetched from the gateway, from inside its container.
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('nm-wake-ms'))).toBeGreaterThan(0);
    expect(await dockerd.engine.listContainers()).toHaveLength(1);
  });

  describe('icecream, in a container of its own with its code and helm', () => {
    const namespace = `ice-docker-${newId('request').slice(-8)}`;
    let admin: KubeSession;
    let drivenAt: DrivenKama;

    beforeAll(async () => {
      admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
      const demo = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));
      const key = demo.apps.icecream.licence as string;
      const send = async (method: string, path: string, body?: object) => {
        const answer = await call(method, `${demo.apiUrl}/v1${path}`, key, body);
        expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
        return answer.body;
      };
      const kubeconfig = await readFile(inject('kubeconfigPath'), 'utf8');
      const cluster = (await send('POST', '/clusters', { name: 'real', kubeconfig })) as Cluster;
      const install = (await send('POST', '/installs', { clusterId: cluster.id, namespace })) as Install;
      const state = async () => ((await send('GET', `/installs/${install.id}`)) as Install).state;
      await vi.waitFor(async () => expect(await state()).toBe('ready'), { timeout: 120_000, interval: 250 });
      const baseUrl = `${demo.gatewayUrl}/kama/acme/icecream`;
      drivenAt = { baseUrl, headers: { authorization: `Bearer ${key}` } };
    }, 240_000);
    afterAll(async () => {
      await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(() => undefined);
      await admin?.close();
    });

    driveIcecream(() => drivenAt);
  });

  it('leaves no container and no process after Ctrl-C', async () => {
    await devstack.ctrlC();
    expect(devstack.output()).toContain('Stopped everything');
    expect(await dockerd.engine.listContainers({ all: true })).toEqual([]);
    expect(processesOf(home)).toEqual([]);
  });
});
