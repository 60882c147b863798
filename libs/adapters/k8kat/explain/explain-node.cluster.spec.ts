import { EgressPolicy } from '@nm/adapters/egress';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../testing/real-node.js';
import { type Explanation, KubeSession } from '../index.js';
import { Kat } from '../kat.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const timeoutMs = 90_000;
const settings = (name: string) => [{ configMapRef: { name } }];

/** What is broken on purpose, and what the cluster's own words must be read as. */
const broken: readonly (readonly [name: string, code: string, said: string, container: object, spec?: object])[] = [
  ['never-pulled', 'ImagePull', 'nobody put the image', { image: 'nm.test/none:1' }],
  ['bad-name', 'ImagePull', 'breaks the rules', { image: 'NOT//valid' }],
  ['crashing', 'AppCrash', 'wrong usage', { args: ['echo bye >&2; exit 2'] }],
  ['no-command', 'CommandNotFound', 'no such program', { command: ['/no/such/program'] }],
  ['no-config', 'ConfigMissing', 'never made', { envFrom: settings('absent'), args: ['sleep 99'] }],
  [
    'no-key',
    'ConfigMissing',
    'no such key',
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'present', key: 'absent' } } }] },
  ],
  [
    'no-volume',
    'ConfigMissing',
    'never made',
    { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
    { volumes: [{ name: 'v', secret: { secretName: 'absent' } }] },
  ],
  ['too-big', 'Unschedulable', 'Insufficient cpu', { resources: { requests: { cpu: '900' } } }],
  [
    'unready',
    'NotReady',
    'check fails',
    { args: ['sleep 600'], readinessProbe: { exec: { command: ['/usr/bin/cat', '/none'] }, periodSeconds: 1 } },
  ],
  [
    'not-alive',
    'LivenessKill',
    'check fails',
    {
      args: ['sleep 600'],
      livenessProbe: { exec: { command: ['/usr/bin/cat', '/none'] }, periodSeconds: 1, failureThreshold: 1 },
    },
  ],
  [
    'hungry',
    'OOMKilled',
    'limit is lower',
    { args: ['head -c 200M /dev/zero | tail -c 190M'], resources: { limits: { memory: '24Mi' } } },
  ],
];

describeWith(['kubelet'], 'explainError, on pods that a real kubelet cannot run', () => {
  let node: RealNode;
  let session: KubeSession;
  let kat: Kat;

  beforeAll(async () => {
    node = await openRealNode();
    session = new KubeSession(node.target, { policy });
    kat = new Kat(session);
    const manager = { fieldManager: 'explain' };
    await session.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'present', namespace: 'default' } },
      manager,
    );
    for (const [name, , , container, spec] of broken) {
      const containers = [
        { name: 'main', image: nodeImages.shell, imagePullPolicy: 'Never', args: ['sleep 600'], ...container },
      ];
      const metadata = { name, namespace: 'default' };
      await session.apply(
        { apiVersion: 'v1', kind: 'Pod', metadata, spec: { terminationGracePeriodSeconds: 0, containers, ...spec } },
        manager,
      );
    }
  }, 180_000);
  afterAll(async () => {
    await session?.close();
    await node?.stop();
  });

  it.each(broken.map(([name, code, said]) => ({ name, code, said })))(
    '$name: $code, $said',
    async ({ name, code, said }) => {
      // A crashing pod runs again for a moment now and then; what was found is judged, not what is found next.
      let found: Explanation | null | undefined;
      const explained = async () => {
        const pod = await kat.pods().ns('default').findOrFail(name);
        found = await pod.explainError();
        return found?.code;
      };
      await expect.poll(explained, { timeout: timeoutMs, interval: 700 }).toBe(code);
      expect(`${found?.causes.join(' ')} ${found?.evidence.map(({ text }) => text).join(' ')}`).toContain(said);
      expect(found?.remedies.length).toBeGreaterThan(0);
    },
  );

  it('says nothing of a pod that is well', async () => {
    const containers = [{ name: 'main', image: nodeImages.shell, imagePullPolicy: 'Never', args: ['sleep 600'] }];
    const metadata = { name: 'well', namespace: 'default' };
    await session.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } }, { fieldManager: 'explain' });
    const pod = await kat.pods().ns('default').findOrFail('well');
    await pod.waitUntil({ isReady: true }, { timeoutMs });
    expect(await pod.explainError()).toBeNull();
    const broken = await kat.pods().ns('default').broken().pluck('name');
    expect(broken).not.toContain('well');
  });
});
