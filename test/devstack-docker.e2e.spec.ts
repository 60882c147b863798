import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dockerd, startDockerd } from '../libs/testing/dockerd.js';
import { describeWith } from '../libs/testing/needs.js';
import { buildGuestbookImage, buildNodeBaseImage } from '../libs/testing/node-base-image.js';
import { type DevstackRun, devstackEnv, processesOf, startDevstack } from './devstack-process.js';

describeWith(['docker'], 'npm start where a Docker engine answers', () => {
  let home: string;
  let dockerd: Dockerd;
  let devstack: DevstackRun;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-devstack-docker-'));
    dockerd = await startDockerd();
    // Nothing can be pulled in CI: the demo's image is made of this machine's Node.
    await buildNodeBaseImage(dockerd.engine);
    await buildGuestbookImage(dockerd.engine);
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

  it('leaves no container and no process after Ctrl-C', async () => {
    await devstack.ctrlC();
    expect(devstack.output()).toContain('Stopped everything');
    expect(await dockerd.engine.listContainers({ all: true })).toEqual([]);
    expect(processesOf(home)).toEqual([]);
  });
});
