import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Attach, Exec, KubeConfig } from '@kubernetes/client-node';
import { recordChange } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, kat, readinessOf } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import { listClusterCalls, setClusterAccess } from '@nm/features/cluster-access';
import { registerCluster } from '@nm/features/clusters';
import type { ClusterCallQuery, RbacPolicy } from '@nm/kernel/contracts';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freePort } from '../../../libs/testing/free-port.js';
import { openMetricsApi } from '../../../libs/testing/metrics-api.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../libs/testing/real-node.js';
import { writeTestChart } from './helm-chart.js';
import { type KubeStage, openKubeStage, type RunOptions, untilTrue } from './kube-stage.js';

const all = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['pods', 'configmaps', 'secrets'], verbs: all },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['get', 'list'] },
        { apiGroups: [''], resources: ['pods/exec', 'pods/attach', 'pods/portforward'], verbs: ['get', 'create'] },
      ],
    },
  ],
  clusterRoles: [],
};
const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
/** kubectl's two ways to a stream: what it prefers, and what it falls back to. */
const ways = {
  WebSocket: {},
  SPDY: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' },
};
const agentMain = join(import.meta.dirname, '../../../dist/apps/agent/src/main.js');

describeWith(['kubelet'], 'streams into pods that really run, through the cluster proxy', () => {
  let node: RealNode;
  let stage: KubeStage;
  let agentPort: number;
  let agent: ChildProcess | undefined;
  const kubectl = (args: readonly string[], options: RunOptions = {}) => stage.run('kubectl', args, options);
  const calls = async (query: Partial<ClusterCallQuery>) => {
    const { principal, installId } = stage.lab;
    return (await listClusterCalls(stage.deps, principal, installId, { limit: 200, ...query })).data;
  };

  async function startPod(name: string, script: string, image: string = nodeImages.shell): Promise<void> {
    const { admin, namespace } = stage.lab;
    const container = { name: 'main', image, imagePullPolicy: 'Never', args: [script], stdin: true };
    const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
    await admin.apply(pod, { namespace, fieldManager: 'test' });
    const ref = { apiVersion: 'v1', kind: 'Pod', name, namespace };
    const ready = async () => expect(readinessOf((await admin.get(ref))!).state).toBe('ready');
    await vi.waitFor(ready, { timeout: 120_000, interval: 200 });
  }

  beforeAll(async () => {
    node = await openRealNode(['shell', 'node']);
    agentPort = await freePort();
    stage = await openKubeStage({
      rbac,
      bin: dirname(node.kubectlPath),
      adminKubeconfig: node.kubeconfigPath,
      config: { agents: { host: '127.0.0.1', port: agentPort, advertise: undefined, tls: undefined } },
    });
    await startPod('sh', 'while read line; do echo "heard $line"; done');
    const server = `require("http").createServer((q,s)=>s.end(q.url=="/big"?Buffer.alloc(8e6,"z"):"pong "+q.url)).listen(8080)`;
    await startPod('web', `"$NODE" -e '${server}'`, nodeImages.node);
  }, 300_000);
  afterAll(async () => {
    await stage?.close();
    agent?.kill('SIGKILL');
    await node?.stop();
  });

  it('sees what a pod logs, and follows it', async () => {
    await startPod('talks', 'for i in 1 2 3; do echo "tick $i"; sleep 0.2; done; sleep 600');
    const follow = stage.start('kubectl', ['logs', '-f', 'talks']);
    await untilTrue(() => follow.said() === 'tick 1\ntick 2\ntick 3\n');
    expect(follow.child.exitCode).toBeNull();
    follow.child.kill('SIGTERM');
    expect((await kubectl(['logs', 'talks', '--tail=1'])).stdout).toBe('tick 3\n');
  });

  it('shows what pods use (kubectl top), as the kubelet measures it, and of nodes nothing', async () => {
    const metrics = await openMetricsApi(stage.lab.admin);
    try {
      const top = async () => (await kubectl(['top', 'pod', 'web', '--containers', '--no-headers'])).stdout;
      await expect.poll(top, { timeout: 100_000, interval: 500 }).toMatch(/^web +main +\d+m +\d+Mi/);
      const mib = Number(/(\d+)Mi/.exec(await top())?.[1]);
      expect(mib, 'a running Node').toBeGreaterThan(5);
      const k8 = kat(stage.lab.admin);
      const [load] = await k8.topPods(k8.pods().ns(stage.lab.namespace).names('web'));
      expect(load?.memUsed, 'the same by K8Kat').toBeGreaterThan(5 * 1024 * 1024);
      expect((await kubectl(['top', 'pods'])).stdout).toMatch(/^NAME +CPU\(cores\) +MEMORY\(bytes\) *\n/);
      const nodes = await kubectl(['top', 'nodes']);
      expect([nodes.code, nodes.stderr]).toEqual([1, expect.stringContaining('nodes.metrics.k8s.io is forbidden')]);
    } finally {
      await metrics.close();
    }
    expect((await kubectl(['top', 'pod'])).code).toBe(1);
  });

  for (const [way, env] of Object.entries(ways)) {
    it(`${way}: runs commands, feeds them, and ends as they end`, async () => {
      const both = await kubectl(['exec', 'sh', '--', 'sh', '-c', 'echo out; echo err >&2'], { env });
      expect(both).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
      const failed = await kubectl(['exec', 'sh', '--', 'sh', '-c', 'exit 7'], { env });
      expect([failed.code, failed.stderr]).toEqual([7, 'command terminated with exit code 7\n']);
      const bytes = randomBytes(1_500_000).toString('base64');
      const echoed = await kubectl(['exec', '-i', 'sh', '--', 'cat'], { env, input: bytes });
      expect([echoed.code, echoed.stdout === bytes]).toEqual([0, true]);
      expect((await kubectl(['exec', 'none', '--', 'true'], { env })).stderr).toContain('pods "none" not found');
    });

    it(`${way}: copies files in and out, unchanged`, async () => {
      const [from, back] = [join(stage.folder, `${way}.in`), join(stage.folder, `${way}.out`)];
      const content = randomBytes(3_000_000);
      await writeFile(from, content);
      expect(await kubectl(['exec', 'sh', '--', 'mkdir', '-p', '/tmp'], { env })).toMatchObject({ code: 0 });
      expect(await kubectl(['cp', from, `sh:/tmp/${way}`], { env })).toMatchObject({ code: 0 });
      expect(await kubectl(['cp', `sh:/tmp/${way}`, back], { env })).toMatchObject({ code: 0 });
      expect(content.equals(await readFile(back))).toBe(true);
    });

    it(`${way}: forwards a port, for many connections at once and large answers`, async () => {
      const forward = stage.start('kubectl', ['port-forward', 'pod/web', ':8080'], { env });
      await untilTrue(() => forward.said().includes('Forwarding from 127.0.0.1:'));
      const port = /127\.0\.0\.1:(\d+)/.exec(forward.said())?.[1];
      const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      await untilTrue(() => get('/up').catch(() => ''));
      expect(await Promise.all(['/1', '/2', '/3'].map(get))).toEqual(['pong /1', 'pong /2', 'pong /3']);
      expect((await get('/big')).length).toBe(8e6);
      forward.child.kill('SIGTERM');
      await forward.ended;
    });

    it(`${way}: attaches to the program that runs`, async () => {
      const attached = stage.start('kubectl', ['attach', '-i', 'sh'], { env });
      const asks = () => attached.child.stdin?.write(`${way}\n`) !== undefined && attached.said();
      await expect.poll(asks, { timeout: 30_000, interval: 500 }).toContain(`heard ${way}`);
      attached.child.kill('SIGTERM');
      await attached.ended;
    });

    it(`${way}: is cut when the licensee shuts the door, and recorded as begun and cut`, async () => {
      const { principal, installId } = stage.lab;
      const { path: kubeconfig, token } = await stage.makeKubeconfig({ name: way });
      const running = stage.start('kubectl', ['exec', 'sh', '--', 'sh', '-c', 'echo up; sleep 600'], {
        env,
        kubeconfig,
      });
      await untilTrue(() => running.said() === 'up\n');
      const open = { verb: 'connect', resource: 'pods', subresource: 'exec', name: 'sh' };
      await expect.poll(() => calls({ actor: token.id }), { timeout: 20_000 }).toMatchObject([open]);
      expect((await calls({ actor: token.id }))[0]?.endedAt).toBeUndefined();
      await setClusterAccess(stage.deps, principal, installId, { enabled: false });
      const { code } = await running.ended;
      await setClusterAccess(stage.deps, principal, installId, { enabled: true });
      // By SPDY kubectl takes the loss of a connection for the command's end, also without us.
      if (way === 'WebSocket') expect(code).not.toBe(0);
      const cut = { ...open, status: 101, code: 'cluster_access_off', endedAt: expect.any(String) };
      await expect.poll(() => calls({ actor: token.id }), { timeout: 20_000 }).toMatchObject([cut]);
      await untilTrue(async () => (await kubectl(['get', 'pods'])).code === 0);
    });
  }

  it('carries the streams of the JavaScript client', async () => {
    const config = new KubeConfig();
    config.loadFromString(await readFile(stage.kubeconfigPath, 'utf8'));
    const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const said = text(stdout);
    const { namespace } = stage.lab;
    const status = await new Promise((resolve, reject) => {
      new Exec(config)
        .exec(
          namespace,
          'sh',
          'main',
          ['sh', '-c', 'read x; echo "got $x"; exit 3'],
          stdout,
          stderr,
          stdin,
          false,
          resolve,
        )
        .then(() => stdin.write('it\n'), reject);
    });
    stdout.end();
    expect(await said).toBe('got it\n');
    expect(JSON.stringify(status)).toContain('"ExitCode","message":"3"');
    const heard = new PassThrough();
    const input = new PassThrough();
    const socket = await new Attach(config).attach(namespace, 'sh', 'main', heard, null, input, false);
    let answer = '';
    heard.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece;
    });
    const asks = () => input.write('client\n') !== undefined && answer;
    await expect.poll(asks, { timeout: 30_000, interval: 500 }).toContain('heard client');
    socket.close();
  });

  it('carries K8Kat', async () => {
    const { server, ca, bearer } = await stage.makeKubeconfig();
    const session = new KubeSession({ server, ca, token: bearer }, { policy });
    const pods = kat(session).pods().ns(stage.lab.namespace);
    const pod = await pods.findOrFail('sh');
    expect(await pod.cmd(['sh', '-c', 'echo there; exit 4'])).toMatchObject({ code: 4, stdout: 'there\n' });
    expect((await pods).map(({ name }) => name)).toContain('web');
    await session.close();
  });

  it('runs the tests of a helm release', async () => {
    const chart = await writeTestChart(stage.folder, nodeImages.shell);
    const helm = async (...args: string[]) => {
      const ran = await stage.run('helm', args);
      expect({ args, ...ran }).toMatchObject({ code: 0 });
      return ran.stdout;
    };
    await helm('install', 'shop', chart, '--set', 'answer=42');
    expect(await helm('test', 'shop', '--timeout', '120s')).toContain('Phase:          Succeeded');
    expect(await helm('upgrade', 'shop', chart, '--set', 'answer=13')).toContain('REVISION: 2');
    const failed = await stage.run('helm', ['test', 'shop', '--timeout', '120s']);
    expect([failed.code, failed.stdout + failed.stderr]).toEqual([1, expect.stringContaining('shop-check failed')]);
    await helm('uninstall', 'shop', '--wait');
  });

  it('carries all of that through the agent of a private cluster', async () => {
    const { lab } = stage;
    const { db } = lab.database;
    const deps = { db, clock, policy, vault: new Vault(lab.masterKey) };
    const cluster = await registerCluster(deps, lab.principal, {
      name: 'private',
      agent: true,
      allowInsecureTls: false,
    });
    for (const manifest of agentIdentity(lab.namespace)) await lab.admin.apply(manifest, { fieldManager: 'test' });
    await writeFile(join(stage.folder, 'token'), (await lab.admin.requestToken(lab.namespace, 'agent', 3_600)).token);
    await writeFile(join(stage.folder, 'ca.crt'), node.target.ca ?? '');
    const server = new URL(node.target.server);
    agent = spawn(process.execPath, [agentMain], {
      env: {
        PATH: process.env['PATH'],
        NM_AGENT_URL: `ws://127.0.0.1:${agentPort}`,
        NM_AGENT_TOKEN: cluster.agentToken,
        NM_AGENT_NAME: 'one',
        NM_AGENT_SERVER: server.origin,
        NM_AGENT_KUBE_TOKEN_FILE: join(stage.folder, 'token'),
        NM_AGENT_KUBE_CA_FILE: join(stage.folder, 'ca.crt'),
        KUBERNETES_SERVICE_HOST: server.hostname,
        KUBERNETES_SERVICE_PORT: server.port,
        NM_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await db.asSystem(async (tx) => {
      await tx.install.update({ where: { id: lab.installId }, data: { clusterId: cluster.id } });
      await recordChange(tx, { kind: 'install', id: lab.installId, orgId: lab.principal.orgId });
    });
    const { path: kubeconfig } = await stage.makeKubeconfig();
    await untilTrue(async () => (await kubectl(['get', 'pods'], { kubeconfig })).code === 0);
    const bytes = randomBytes(300_000).toString('base64');
    for (const env of Object.values(ways)) {
      const echoed = await kubectl(['exec', '-i', 'sh', '--', 'cat'], { env, input: bytes, kubeconfig });
      expect([echoed.code, echoed.stdout === bytes]).toEqual([0, true]);
      const failed = await kubectl(['exec', 'sh', '--', 'sh', '-c', 'exit 5'], { env, kubeconfig });
      expect(failed.code).toBe(5);
    }
    agent.kill('SIGKILL');
    await once(agent, 'close');
  });
});

const agentIdentity = (namespace: string) => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `agent-${namespace}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
  },
];
