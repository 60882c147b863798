import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession, kat, readinessOf } from '@nm/adapters/k8kat';
import { containerEngine, type TemplatingEngine } from '@nm/adapters/templating';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../../libs/testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../../libs/testing/real-node.js';
import { engineConforms } from '../../../../libs/testing/templating-engine.conformance.js';
import { inClusterEngine } from './in-cluster-engine.js';
import { runContainer } from './run-container.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const namespace = 'shop';
const bounds = { deadlineSeconds: 60, outputBytesMax: 1024 * 1024, memory: '128Mi' };
const idle = () => new AbortController().signal;
const meta = (name: string) => ({ name, namespace });
const rule = (apiGroup: string, resources: string[], verbs: string[]) => ({ apiGroups: [apiGroup], resources, verbs });

/** What docs/guides/kama-engines.md says that a version's Role must have, and no more. */
const rules = [
  rule('batch', ['jobs'], ['create', 'delete']),
  rule('', ['secrets'], ['create']),
  rule('', ['pods'], ['get', 'list', 'watch']),
  rule('', ['pods/log'], ['get']),
  rule('', ['services/proxy'], ['get', 'create']),
];
const objects: KubeObject[] = [
  {
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta('engines') },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: meta('engines'), rules },
  {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: meta('engines') },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'engines' },
    subjects: [{ kind: 'ServiceAccount', name: 'engines', namespace }],
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('kamafile'), data: { app: '{"user_vars":{"a":1}}' } },
  {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: meta('menu') },
    spec: { selector: { app: 'menu' }, ports: [{ name: 'api', port: 80, targetPort: 8080 }] },
  },
  {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { ...meta('menu'), labels: { app: 'menu' } } },
    spec: {
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          ...{ name: 'main', image: nodeImages.engine, imagePullPolicy: 'Never' },
          ...{ command: ['/usr/bin/sh', '-c', 'exec "$NODE" /engines/engine-server.mjs'] },
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  },
];

describeWith(['kubelet'], 'engines on the cluster of an install', () => {
  let node: RealNode;
  let admin: KubeSession;
  let install: KubeSession;
  const found = async (apiVersion: string, kind: string) =>
    (await admin.list({ apiVersion, kind, namespace })).items.filter(({ metadata }) =>
      metadata?.name?.startsWith('ktea-'),
    );
  const nothingLeft = async () => {
    const left = async () => [
      ...(await found('batch/v1', 'Job')),
      ...(await found('v1', 'Pod')),
      ...(await found('v1', 'Secret')),
    ];
    await expect.poll(left, { timeout: 90_000, interval: 250 }).toEqual([]);
  };

  beforeAll(async () => {
    node = await openRealNode(['engine']);
    admin = new KubeSession(node.target, { policy });
    for (const object of objects) await admin.apply(object, { namespace, fieldManager: 'test' });
    const { status } = await admin.request<{ status: { token: string } }>(
      'POST',
      `/api/v1/namespaces/${namespace}/serviceaccounts/engines/token`,
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } } },
    );
    const { server, ca } = node.target;
    install = new KubeSession({ server, ca, token: status.token }, { policy });
    const menu = async () => await admin.get({ apiVersion: 'v1', kind: 'Pod', name: 'menu' }, namespace);
    await vi.waitFor(async () => expect(readinessOf((await menu()) as KubeObject).state).toBe('ready'), {
      timeout: 90_000,
      interval: 250,
    });
  }, 300_000);
  afterAll(async () => {
    await install?.close();
    await admin?.close();
    await node?.stop();
  });

  const container = (more: object = {}): TemplatingEngine =>
    containerEngine(runContainer(install, namespace, { ...bounds, ...more }));
  const ktea = { type: 'container', uri: 'nm.test/engine', version: '1' };

  engineConforms('a container', { words: true, presets: false, endless: true }, () => ({
    engine: container(),
    brief: container({ deadlineSeconds: 1 }),
    ktea,
  }));

  describe('a container', () => {
    it('has the Kamafile and its extra words, no right, no token', async () => {
      const [about] = await container().template({ ...ktea, args: '--set a=b' }, { about: true }, idle());
      expect(about?.['data']).toEqual({
        ...{ uid: '65534', token: 'false', kamafile: '{"user_vars":{"a":1}}' },
        words: 'template -f /values/master --set a=b',
      });
    });

    it('is stopped at output without an end, long before its time is over', async () => {
      const endless = container({ deadlineSeconds: 600 }).template(ktea, { endless: true }, idle());
      await expect(endless).rejects.toMatchObject({
        code: 'template_limit',
        publicMessage: expect.stringContaining('wrote more than 1048576 bytes'),
      });
    });

    it('is stopped at too much memory', async () => {
      await expect(container().template(ktea, { hungry: true }, idle())).rejects.toMatchObject({
        code: 'template_limit',
        publicMessage: expect.stringContaining('more than 128Mi of memory'),
      });
    });

    it('says why it could not start', async () => {
      const missing = container().defaults({ ...ktea, uri: '127.0.0.1:1/none' }, idle());
      await expect(missing).rejects.toMatchObject({
        code: 'engine_unavailable',
        publicMessage: expect.stringContaining('127.0.0.1:1/none:1 could not run to its end: ImagePullBackOff'),
      });
      await expect(container().defaults({ ...ktea, uri: 'Not An Image' }, idle())).rejects.toMatchObject({
        code: 'template_failed',
        publicMessage: expect.stringContaining('could not start: InvalidImageName'),
      });
    });

    it('says that there were too many values', async () => {
      const values = { all: 'x'.repeat(2 * 1024 * 1024) };
      await expect(container().template(ktea, values, idle())).rejects.toMatchObject({ code: 'template_failed' });
    });

    it('leaves no job, pod or Secret behind, however it ended', nothingLeft, 120_000);

    it('leaves nothing behind when who waits for it is killed', async () => {
      const caller = spawn(process.execPath, [join(import.meta.dirname, '../../test/engine-caller.mjs')]);
      const bound = { ...bounds, deadlineSeconds: 3 };
      const token = (await install.authorization())?.replace('Bearer ', '');
      const target = { server: node.target.server, ca: node.target.ca, token };
      caller.stdin.end(JSON.stringify({ target, namespace, bounds: bound, ktea }));
      let said = '';
      caller.stderr.on('data', (text: Buffer) => (said += String(text)));
      const pods = kat(admin).pods().ns(namespace).hasLabel('k8kat/one-shot');
      await pods.waitUntil((all) => all.length === 1 || said !== '', { timeoutMs: 90_000 });
      expect(said).toBe('');
      expect(await found('v1', 'Secret')).toHaveLength(1);
      caller.kill('SIGKILL');
      await once(caller, 'exit');
      await nothingLeft();
    }, 240_000);
  });

  const server = (more: object = {}) =>
    inClusterEngine(install, namespace, { timeoutMs: 60_000, answerBytesMax: 1024 * 1024, ...more });
  engineConforms('a server in the cluster', { words: true, presets: true, endless: true }, () => ({
    engine: server(),
    brief: server({ timeoutMs: 1_000 }),
    ktea: { type: 'in_cluster', uri: 'menu:api/acme', version: '1.0' },
  }));

  describe('a server in the cluster', () => {
    const at = (uri: string) => server().defaults({ type: 'in_cluster', uri, version: '1.0' }, idle());

    it.each(['menu/acme', 'http://menu:80/acme/', 'menu:80/acme'])('is found as %s', async (uri) => {
      expect(await at(uri)).toEqual({ flavour: 'vanilla', count: 1 });
    });

    it.each(['menu.other:80', '../secrets', 'menu/../..', 'menu:80/a/../../b', 'http://menu@evil', ''])(
      'is never looked for at %j',
      async (uri) => {
        await expect(at(uri)).rejects.toMatchObject({ code: 'template_failed' });
      },
    );

    it('is told from one that is not there', async () => {
      await expect(at('none:80')).rejects.toThrow(/none/);
      const empty = { apiVersion: 'v1', kind: 'Service', metadata: meta('empty') };
      await admin.apply({ ...empty, spec: { selector: { app: 'empty' }, ports: [{ port: 80 }] } } as KubeObject, {
        ...{ namespace, fieldManager: 'test' },
      });
      await expect(at('empty:80')).rejects.toMatchObject({ code: 'engine_unavailable' });
    });
  });
});
