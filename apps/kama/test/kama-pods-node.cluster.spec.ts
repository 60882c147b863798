import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession, kat, readinessOf } from '@nm/adapters/k8kat';
import { TemplateWorkers } from '@nm/adapters/templating';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../libs/testing/real-node.js';
import { openOwn } from '../src/own/open-own.js';
import { driveIcecream } from './conformance/drive-icecream.js';
import { driveRuns } from './conformance/drive-runs.js';
import { kamaConformance } from './conformance/kama-conformance.js';
import { guestbook } from './driven-apps.js';
import { ownKama } from './serve-own.js';

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
    node = await openRealNode(['kama', 'guestbook', 'pause', 'shell']);
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

  it('runs of a process of its own do in pods what the run engine does', async () => {
    const templates = new TemplateWorkers();
    const choice = { kubeconfig: node.kubeconfigPath, namespace: 'guestbook-bundle' };
    const own = await openOwn(guestbook.folder, choice, { clock: systemClock, templates });
    const { runs } = own.address(new AbortController().signal).install;
    const outcomeOf = async (...steps: object[]) => {
      const id = await runs.start({ action: 'a', title: 'A', plan: { steps } } as Parameters<typeof runs.start>[0]);
      await own.settled();
      return runs.job(id);
    };
    const command = ['/usr/bin/sh', '-c', 'cat; echo from the pod; exit 3'];
    const ask = { ...{ kind: 'exec', title: 'Ask', id: 'ask', command, stdin: 'typed\n' }, timeoutSeconds: 60 };
    const lone = {
      ...{ kind: 'run-pod', title: 'Look', image: nodeImages.shell, imagePullPolicy: 'Never' },
      ...{ command: ['/usr/bin/sh', '-c', 'echo "$GREETING"'], env: { GREETING: 'hi' } },
    };
    try {
      const well = await outcomeOf(
        { ...ask, pod: { labels: { app: 'kama' } }, expectExit: [3] },
        { ...lone, when: { step: 'ask', is: 'positive' } },
        { ...lone, title: 'Leave it', when: { step: 'ask', is: 'negative' } },
      );
      expect(well.status, JSON.stringify(well)).toBe('positive');
      const [asked, looked, left] = well.progress?.sub_items ?? [];
      expect(asked?.logs).toEqual(['typed', 'from the pod', 'Pod kama: the command ended with 3']);
      expect(looked?.logs).toContain('hi');
      expect(left?.logs).toEqual(['Skipped: step "ask" was positive']);
      const badly = await outcomeOf({ ...ask, pod: { name: 'kama' } });
      expect([badly.status, badly.result?.reason]).toEqual(['negative', 'The command ended with 3: from the pod']);
      const nobody = await outcomeOf({ ...ask, pod: { labels: { app: 'nobody' } } });
      expect(nobody.result?.reason).toBe('No pod with the labels app=nobody is ready (0 have them).');
      const jobs = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'guestbook-bundle' };
      await expect.poll(async () => (await admin.list(jobs)).items.length, { timeout: 60_000 }).toBe(0);
    } finally {
      await own.close();
      await templates.close();
    }
  }, 180_000);

  describe('guestbook on a kubeconfig', () => {
    let server: Awaited<ReturnType<typeof ownKama>>;
    beforeAll(async () => {
      server = await ownKama(guestbook.folder, {
        kubeconfig: node.kubeconfigPath,
        namespace: 'guestbook-bundle',
      });
    }, 60_000);
    afterAll(() => server?.close());

    driveRuns(() => ({ baseUrl: server.url, headers: {} }), 'kama');
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
