import { once } from 'node:events';
import { connect } from 'node:net';
import { EgressPolicy } from '@nm/adapters/egress';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../testing/real-node.js';
import { KubeSession } from '../index.js';
import { Kat } from '../kat.js';
import type { LocalForward } from './port-forward.js';

const generous = { timeout: 120_000, interval: 200 };
/** Each pod says its name at 8080, and at 8081 that it is the other port. */
const program = `const { createServer: serve } = require("http");
serve((_, answer) => answer.end(process.env.POD)).listen(8080);
serve((_, answer) => answer.end("other")).listen(8081);`;

describeWith(['kubelet'], 'a port of this machine that leads to a service or a workload', () => {
  let node: RealNode;
  let session: KubeSession;
  let kat: Kat;
  const forwards: LocalForward[] = [];
  const web = () => kat.deps().ns('default').findOrFail('web');
  const svc = () => kat.svcs().ns('default').findOrFail('web');
  const keep = async (opening: Promise<LocalForward>) => {
    const forward = await opening;
    forwards.push(forward);
    return forward;
  };
  /** What a new connection is told. */
  const ask = async ({ port }: LocalForward): Promise<string> => {
    const dispatcher = new Agent();
    const { body } = await request(`http://127.0.0.1:${port}/`, { dispatcher, reset: true });
    return body.text().finally(() => dispatcher.close());
  };

  beforeAll(async () => {
    node = await openRealNode(['shell', 'node']);
    session = new KubeSession(node.target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    kat = new Kat(session);
    const labels = { app: 'web' };
    const metadata = { name: 'web', namespace: 'default' };
    const container = {
      ...{ name: 'main', image: nodeImages.node, imagePullPolicy: 'Never', args: [`"$NODE" -e '${program}'`] },
      env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      ports: [
        { name: 'http', containerPort: 8080 },
        { name: 'more', containerPort: 8081 },
      ],
      readinessProbe: { tcpSocket: { port: 'more' }, periodSeconds: 1 },
    };
    const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
    const spec = { replicas: 2, selector: { matchLabels: labels }, template };
    await session.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }, { fieldManager: 'test' });
    const ports = [
      { name: 'web', port: 80, targetPort: 'http' },
      { name: 'rest', port: 81, targetPort: 8081 },
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 8080 },
    ];
    const serving = { selector: labels, ports };
    await session.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: serving }, { fieldManager: 'test' });
    await vi.waitFor(async () => expect(await (await svc()).endpointIps()).toHaveLength(2), generous);
  }, 300_000);
  afterAll(async () => {
    await Promise.all(forwards.map((forward) => forward.close()));
    await session?.close();
    await node?.stop();
  });

  it('finds a service’s port by number, by name, or takes the first, and the pods’ own port for it', async () => {
    const names = (await (await web()).pods()).map(({ name }) => name);
    expect(names).toContain(await ask(await keep((await svc()).portForward())));
    expect(names).toContain(await ask(await keep((await svc()).portForward(80))));
    expect(await ask(await keep((await svc()).portForward('rest')))).toBe('other');
    expect(await ask(await keep((await svc()).portForward(81)))).toBe('other');
  });

  it('finds a container’s port of a workload and of a pod by its name', async () => {
    const names = (await (await web()).pods()).map(({ name }) => name);
    expect(names).toContain(await ask(await keep((await web()).portForward('http'))));
    expect(await ask(await keep((await web()).portForward(8081)))).toBe('other');
    const [pod] = await (await web()).pods();
    expect(await ask(await keep(pod!.portForward('more')))).toBe('other');
    expect(await ask(await keep(pod!.portForward('http')))).toBe(pod?.name);
  });

  it('says at once that there is no such port', async () => {
    const reason = { extra: { reason: 'NoSuchPort' } };
    await expect((await svc()).portForward('nothing')).rejects.toMatchObject(reason);
    await expect((await svc()).portForward(8080)).rejects.toMatchObject(reason);
    await expect((await svc()).portForward('dns'), 'a port of UDP').rejects.toMatchObject(reason);
    await expect((await web()).portForward('nothing')).rejects.toMatchObject(reason);
    const [pod] = await (await web()).pods();
    await expect(pod!.portForward('nothing')).rejects.toMatchObject(reason);
  });

  it.each(['service', 'deployment'] as const)(
    'stays with one pod of a %s while it is ready, and goes on with another',
    async (kind) => {
      await vi.waitFor(async () => expect(await (await svc()).endpointIps()).toHaveLength(2), generous);
      const forward = await keep(kind === 'service' ? (await svc()).portForward() : (await web()).portForward('http'));
      const first = await ask(forward);
      for (let i = 0; i < 4; i++) expect(await ask(forward)).toBe(first);
      const held = connect(forward.port, '127.0.0.1').on('error', () => undefined);
      held.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
      await once(held, 'data');
      const closed = once(held, 'close');
      const pod = await kat.pods().ns('default').findOrFail(first);
      await pod.delete({ wait: true });
      await closed;
      const next = async () => expect(await ask(forward)).toMatch(/^web-/);
      await vi.waitFor(next, generous);
      expect(await ask(forward)).not.toBe(first);
    },
  );

  it('says that no pod is ready, and finds the first one that is', async () => {
    const forward = await keep((await svc()).portForward());
    await (await web()).scale(0);
    await vi.waitFor(async () => expect(await (await web()).pods()).toHaveLength(0), generous);
    await vi.waitFor(async () => expect(await (await svc()).endpointIps()).toHaveLength(0), generous);
    const reason = { extra: { status: 503, reason: 'NoReadyPod' } };
    await expect(ask(forward)).rejects.toThrow();
    expect(forward.lastError()).toMatchObject(reason);
    await expect((await svc()).portForward()).rejects.toMatchObject(reason);
    await expect((await web()).portForward('http')).rejects.toMatchObject(reason);
    await (await web()).scale(1);
    await vi.waitFor(async () => expect(await ask(forward)).toMatch(/^web-/), generous);
  });
});
