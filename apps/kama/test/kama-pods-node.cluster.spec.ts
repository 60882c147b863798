import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession, kat, readinessOf } from '@nm/adapters/k8kat';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../libs/testing/real-node.js';
import { kubeCluster } from '../src/own/own-cluster.js';
import { OwnRuns } from '../src/own/own-runs.js';
import { driveIcecream } from './conformance/drive-icecream.js';
import { kamaConformance } from './conformance/kama-conformance.js';
import { guestbook } from './driven-apps.js';

const root = join(import.meta.dirname, '../../..');
const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const port = 5000;
const group = 'rbac.authorization.k8s.io';
const commands = {
  'guestbook-bundle': [],
  icecream: ['--models', 'dist/examples/icecream/src/models.js'],
} as const;
type Example = keyof typeof commands;

/** What a publisher has a licensee apply to run a KAMA beside its app: the version's own Role, and nothing more. */
async function objectsOf(example: Example): Promise<KubeObject[]> {
  const { rbac } = JSON.parse(await readFile(join(root, 'examples', example, 'version.json'), 'utf8'));
  const metadata = { name: 'kama', namespace: example, labels: { app: 'kama' } };
  const words = ['dist/apps/kama/src/main.js', 'serve', `examples/${example}`, '--in-cluster', ...commands[example]];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: example } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules: rbac.roles[0].rules },
    {
      ...{ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata },
      roleRef: { apiGroup: group, kind: 'Role', name: 'kama' },
      subjects: [{ kind: 'ServiceAccount', name: 'kama', namespace: example }],
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { selector: { app: 'kama' }, ports: [{ port, targetPort: port }] },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata },
      spec: {
        ...{ serviceAccountName: 'kama', terminationGracePeriodSeconds: 5 },
        containers: [
          {
            ...{ name: 'kama', image: nodeImages.kama, imagePullPolicy: 'Never', workingDir: '/app' },
            command: ['/usr/bin/sh', '-c', `exec "$NODE" ${words.join(' ')}`],
            readinessProbe: { httpGet: { path: '/api/ping', port }, periodSeconds: 1 },
            securityContext: { runAsNonRoot: true, runAsUser: 65532, allowPrivilegeEscalation: false },
          },
        ],
      },
    },
  ];
}

describeWith(['kubelet'], 'KAMAs as pods beside their apps', () => {
  let node: RealNode;
  let admin: KubeSession;
  const forwards: { close(): unknown }[] = [];
  const urls: Partial<Record<Example, string>> = {};
  const podOf = (example: Example) => kat(admin).pods().ns(example).findOrFail('kama');

  beforeAll(async () => {
    node = await openRealNode(['kama', 'guestbook', 'pause']);
    admin = new KubeSession(node.target, { policy });
    for (const example of Object.keys(commands) as Example[])
      for (const object of await objectsOf(example)) await admin.apply(object, { fieldManager: 'test' });
    for (const example of Object.keys(commands) as Example[]) {
      const pod = async () => await admin.get({ apiVersion: 'v1', kind: 'Pod', name: 'kama' }, example);
      const ready = async () => expect(readinessOf((await pod()) as KubeObject).state).toBe('ready');
      await vi.waitFor(ready, { timeout: 120_000, interval: 250 }).catch(async (cause: unknown) => {
        throw new Error(`${example}: ${(await (await podOf(example)).logs()).join('\n')}`, { cause });
      });
      const forward = await (await podOf(example)).portForward(port);
      forwards.push(forward);
      urls[example] = `http://127.0.0.1:${forward.port}`;
    }
  }, 400_000);
  afterAll(async () => {
    for (const forward of forwards) await forward.close();
    await admin?.close();
    await node?.stop();
  });

  it('runs of a process of its own run commands in pods, and fail by how they end', async () => {
    const runs = new OwnRuns({
      ...{ cluster: kubeCluster(admin), namespace: 'guestbook-bundle', clock: systemClock },
      ...{ signal: new AbortController().signal, check: () => Promise.resolve(undefined) },
    });
    const outcomeOf = async (pod: object, expectExit: number[]) => {
      const command = ['/usr/bin/sh', '-c', 'cat; echo from the pod; exit 3'];
      const step = {
        ...{ kind: 'exec', title: 'Ask', pod, command, stdin: 'typed\n' },
        expectExit,
        timeoutSeconds: 60,
      };
      const plan = { steps: [step] } as Parameters<typeof runs.start>[0]['plan'];
      const id = await runs.start({ action: 'a', title: 'A', plan });
      await runs.settled();
      return runs.job(id);
    };
    const well = await outcomeOf({ labels: { app: 'kama' } }, [3]);
    expect([well.status, well.progress?.sub_items[0]?.logs]).toEqual([
      'positive',
      ['typed', 'from the pod', 'Pod/kama: the command ended with 3'],
    ]);
    const badly = await outcomeOf({ name: 'kama' }, [0]);
    expect([badly.status, badly.result?.reason]).toEqual(['negative', 'The command ended with 3: from the pod']);
    const nobody = await outcomeOf({ labels: { app: 'nobody' } }, [0]);
    expect([nobody.status, nobody.result?.reason]).toEqual(['negative', 'No pod with the labels app=nobody is ready.']);
  });

  describe('guestbook', () => {
    kamaConformance(() => ({ baseUrl: urls['guestbook-bundle'] ?? '', headers: {} }), guestbook.driven);

    it('has installed a page that answers', async () => {
      const page = await kat(admin).svcs().ns('guestbook-bundle').findOrFail('guestbook-web');
      expect((await page.proxyGet('/healthz', { port: 'http' })).status).toBe(200);
    });

    it('answers to clients behind the cluster, whose bodies are JSON within a string', async () => {
      const service = await kat(admin).svcs().ns('guestbook-bundle').findOrFail('kama');
      const body = JSON.stringify(JSON.stringify({ value: 21 }));
      const answer = await service.proxy('POST', '/api/variables/detail/web.replicas/validate', { body });
      expect(answer.json()).toMatchObject({ data: { status: 'error', message: 'Must be at most 20, not 21' } });
    });
  });

  describe('icecream', () => {
    driveIcecream(() => ({ baseUrl: urls.icecream ?? '', headers: {} }));
  });
});
