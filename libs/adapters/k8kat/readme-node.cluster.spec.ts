import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../testing/real-node.js';
import { CurlPod, type KubeObject, KubeSession, runOnce } from './index.js';
import { Kat } from './kat.js';
import { tinyDns, tinyWeb } from './test/tiny-dns.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const image = nodeImages.shell;

function deployment(
  namespace: string,
  name: string,
  container: object,
  labels: Record<string, string> = {},
): KubeObject {
  const template = {
    metadata: { labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image, imagePullPolicy: 'Never', ...container }],
    },
  };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace, labels } },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template },
  };
}
const service = (namespace: string, name: string, spec: object): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } },
  spec,
});
const node = (program: string, env: Record<string, string> = {}) => ({
  image: nodeImages.node,
  args: [`"$NODE" -e '${program.replaceAll("'", '"')}'`],
  env: Object.entries(env).map(([name, value]) => ({ name, value })),
});

/** The README's snippets, as they stand there: readme.int.spec.ts compares. */
describeWith(['kubelet'], 'the README, on a cluster whose pods really run', () => {
  let cluster: RealNode;
  let session: KubeSession;
  let kat: Kat;
  const said: unknown[] = [];
  const print = (...what: unknown[]) => void said.push(...what);
  const apply = (object: KubeObject) => session.apply(object, { fieldManager: 'readme' });

  beforeAll(async () => {
    cluster = await openRealNode(['shell', 'node']);
    session = new KubeSession(cluster.target, { policy });
    kat = new Kat(session);
    for (const name of ['nectar', 'dev']) await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const sleeping = { args: ['sleep 3600'] };
    await apply(deployment('default', 'api', sleeping, { v: 'alpha' }));
    await apply(deployment('nectar', 'worker', sleeping, { v: 'alpha' }));
    await apply(deployment('nectar', 'other', sleeping, { v: 'old' }));
    await apply(deployment('default', 'nlp-main', { args: ['echo loading; echo "no model at /models" >&2; exit 1'] }));
    await apply(deployment('default', 'web', node(tinyWeb)));
    await apply(service('default', 'web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] }));
    const web = await kat.svcs().ns('default').findOrFail('web');
    const dns = node(tinyDns, { HOSTS: JSON.stringify({ [web.fqdn]: web.internalIp }) });
    await apply(deployment('kube-system', 'coredns', dns, { 'k8s-app': 'kube-dns' }));
    const ports = [{ port: 53, protocol: 'UDP', name: 'dns' }];
    await apply(service('kube-system', 'kube-dns', { clusterIP: '10.96.0.10', selector: { app: 'coredns' }, ports }));
    for (const name of ['api', 'worker', 'web', 'coredns'])
      await kat
        .deps()
        .names(name)
        .waitUntil((all) => all.length === 1 && all.every((dep) => dep.isReady), { timeoutMs: 90_000 });
  }, 240_000);
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  it('deployments by namespace and label: their pods, a command in each, a label, one more replica', async () => {
    // README: deployments
    for await (const dep of kat.deps().ns('default', 'nectar').lbsIncAny({ v: 'alpha' })) {
      for (const pod of await dep.pods()) {
        await pod.waitUntil({ status: 'Running' });
        print(await pod.cmd('echo migrated by %20me'));
      }
      await dep.setLabel({ v: 'beta' });
      await dep.scale({ by: 1 });
    }
    // README end
    expect(said).toEqual([1, 2].map(() => ({ code: 0, ok: true, stdout: 'migrated by  me\n', stderr: '' })));
    const changed = await kat.deps().lbsIncAny({ v: 'beta' }).pluck(['name', 'desired']);
    expect(changed.sort()).toEqual([
      ['api', 2],
      ['worker', 2],
    ]);
    expect(await kat.deps().find('other').pods().count()).toBe(1);
  });

  it('bad pods: which, what they said, and why', async () => {
    said.length = 0;
    const crashed = kat.deps().find('nlp-main').pods().crashing();
    // A rest that begins now lasts for what follows; one that was found may end at any moment.
    let restartsAtFirst: number | undefined;
    const beginsToRest = ({ restarts, status }: { restarts: number; status: string }): boolean => {
      restartsAtFirst ??= restarts;
      return restarts > Math.max(restartsAtFirst, 1) && status === 'CrashLoopBackOff';
    };
    await kat
      .pods()
      .ns('default')
      .labels('app=nlp-main')
      .waitUntil((all) => all.some((pod) => beginsToRest(pod)), { timeoutMs: 150_000 });
    await expect.poll(() => crashed.count(), { timeout: 90_000, interval: 200 }).toBe(1);
    // Between two reads the pod may begin to run once more, or have just failed again: then it is asked again.
    const seen = async () => {
      said.length = 0;
      // README: bad pods
      const bad = kat.deps().notNs('dev').find('nlp-main').pods().broken();
      print(await bad.prettyPluck('ns', 'status', 'image'));
      const [first] = await bad;
      print(await first?.logs(3600));
      print(await first?.explainError());
      // README end
      return said.every((answer) => answer !== undefined && answer !== null) && String(said[0]).includes('BackOff');
    };
    await expect.poll(seen, { timeout: 90_000, interval: 1_000 }).toBe(true);
    expect(said[0]).toEqual([
      expect.stringMatching(/^<nlp-main-\S+: default \| CrashLoopBackOff \| nm\.test\/shell:1>$/),
    ]);
    expect((said[1] as string[]).sort()).toEqual(['loading', 'no model at /models']);
    expect(said[2]).toMatchObject({
      code: 'AppCrash',
      container: 'main',
      summary: 'The program ended with 1: an error of the program itself.',
    });
    expect((said[2] as { evidence: { from: string; text: string }[] }).evidence).toContainEqual({
      from: 'log',
      text: 'no model at /models',
    });
  });

  it('bad services: asked from inside, their endpoints, the DNS pods', async () => {
    said.length = 0;
    // README: bad services
    const svc = await kat.svcs().ns('default').findOrFail('web');
    const curl = await CurlPod.open(kat, { target: svc.fqdn, ns: 'default', image });
    if ((await curl.curl('/api')) === null) {
      print(curl.lastFailure?.kind);
      print(await svc.rawEndpoints());
      print(await svc.explainError());
      print(await kat.pods().system().labels('k8s-app=kube-dns').prettyPluck('status'));
    }
    await curl.delete();
    print(await svc.endpointIps());
    // README end
    expect(said).toEqual([[expect.stringMatching(/^10\.244\./)]]);
  });

  it('a service whose selector is wrong is seen from inside, and explained', async () => {
    await apply(service('default', 'lost', { selector: { app: 'wbe' }, ports: [{ port: 80, targetPort: 8080 }] }));
    const lost = await kat.svcs().ns('default').findOrFail('lost');
    await using curl = await CurlPod.open(kat, { target: lost.internalIp ?? '', image });
    expect(await curl.curl('/', { timeoutSeconds: 2 })).toBeNull();
    expect(curl.lastFailure).toMatchObject({ kind: expect.stringMatching(/refused|timeout/) });
    expect(await lost.rawEndpoints()).toEqual([]);
    expect(await lost.explainError()).toMatchObject({ code: 'WrongSelector' });
    await using inside = await CurlPod.open(kat, { target: 'no-such.default.svc.cluster.local', image });
    expect(await inside.curl('/')).toBeNull();
    expect(inside.lastFailure?.kind).toBe('dns');
  });

  it('asks a service from inside and through the API server, with every verb', async () => {
    const web = await kat.svcs().ns('default').findOrFail('web');
    await using curl = await CurlPod.open(kat, { target: web.fqdn, image });
    const answer = await curl.curl('/x?y=1', {
      verb: 'POST',
      body: 'hello',
      headers: { 'content-type': 'text/plain' },
    });
    expect(answer).toMatchObject({ status: 200, body: 'POST /x?y=1 hello', headers: { 'x-served-by': 'tiny' } });
    expect((await curl.curl('/missing'))?.status).toBe(404);
    for (const verb of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
      expect(await web.proxy(verb, '/p', verb === 'GET' ? {} : { body: 'b' })).toMatchObject({
        status: 200,
        text: `${verb} /p ${verb === 'GET' ? '' : 'b'}`,
      });
    expect((await web.proxyGet('/missing')).status).toBe(404);
  });

  it('runs a command in a pod of its own, and leaves nothing behind, nor when its caller dies', async () => {
    expect(
      await runOnce(kat, { image, command: ['sh', '-c', 'echo "$GREETING"; exit 3'], env: { GREETING: 'hi' } }),
    ).toEqual({
      code: 3,
      output: 'hi',
      reason: 'Error',
      message: '',
    });
    const helpers = kat.pods().hasLabel('k8kat/one-shot');
    await helpers.waitUntil((all) => all.length === 0, { timeoutMs: 60_000 });
    // Its caller is killed: the deadline ends it, then the cluster removes it.
    const caller = spawn(process.execPath, [join(import.meta.dirname, 'test/one-shot-caller.mjs')]);
    caller.stdin.end(JSON.stringify({ target: cluster.target, image, deadlineSeconds: 5 }));
    let heard = '';
    for (const stream of [caller.stdout, caller.stderr]) stream.on('data', (text: Buffer) => (heard += String(text)));
    await expect.poll(() => heard, { timeout: 60_000 }).toMatch(/^curl-pod-/);
    caller.kill('SIGKILL');
    await once(caller, 'exit');
    const jobs = kat.jobs().hasLabel('k8kat/one-shot');
    await jobs.waitUntil((all) => all.length === 1 && all.every((job) => job.status !== 'Running'), {
      timeoutMs: 60_000,
    });
    expect((await jobs)[0]?.raw.spec?.ttlSecondsAfterFinished).toBe(60);
    await jobs.waitUntil((all) => all.length === 0, { timeoutMs: 110_000 });
    expect(await helpers.count()).toBe(0);
  }, 240_000);
});
