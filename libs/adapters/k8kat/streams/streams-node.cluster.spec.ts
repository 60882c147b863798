import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EgressPolicy } from '@nm/adapters/egress';
import { systemClock } from '@nm/kernel/time';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../testing/real-node.js';
import { type KubeObject, KubeSession, readinessOf } from '../index.js';
import { copyFromPod, copyToPod } from './copy.js';
import { exec, openAttach, openExec } from './exec.js';
import { followLogs } from './follow-logs.js';
import { readLogs } from './pod-logs.js';
import { listenPortForward, openPortForward } from './port-forward.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });

const shellPod = (name: string, script: string, extra: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: 'main', image: nodeImages.shell, imagePullPolicy: 'Never', args: [script], stdin: true, ...extra },
    ],
  },
});

describeWith(['kubelet'], 'streams to pods that really run', () => {
  let node: RealNode;
  let session: KubeSession;
  const place = { namespace: 'default', pod: 'sh' };

  async function run(pod: KubeObject): Promise<void> {
    await session.apply(pod, { fieldManager: 'test' });
    const ref = { apiVersion: 'v1', kind: 'Pod', name: pod.metadata?.name ?? '', namespace: 'default' };
    const ready = async () => expect(readinessOf((await session.get(ref))!).state).toBe('ready');
    await vi.waitFor(ready, { timeout: 60_000, interval: 200 });
  }

  beforeAll(async () => {
    node = await openRealNode(['shell', 'node']);
    session = new KubeSession(node.target, { policy });
    await run(shellPod('sh', 'while read line; do echo "heard $line"; done'));
  }, 180_000);
  afterAll(async () => {
    await session?.close();
    await node?.stop();
  });

  it('runs a command and gives its exit code, stdout and stderr apart', async () => {
    expect(await exec(session, place, ['sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
      ok: false,
    });
    expect(await exec(session, place, ['true'])).toMatchObject({ code: 0, ok: true });
  });

  it('feeds stdin and tells the command where it ends', async () => {
    expect((await exec(session, place, ['cat'], { stdin: 'three four' })).stdout).toBe('three four');
  });

  it('does not wait for a source that says no more', async () => {
    const silent = (async function* () {
      yield 'first';
      await new Promise(() => undefined);
    })();
    expect((await exec(session, place, ['head', '-c', '5'], { stdin: silent })).stdout).toBe('first');
  });

  it('gives a command a terminal, of the wanted size, where it is asked for one', async () => {
    expect((await exec(session, place, ['sh', '-c', 'test -t 1 && echo tty; echo e >&2'], { tty: true })).stdout).toBe(
      'tty\r\ne\r\n',
    );
    const stream = await openExec(session, place, ['sh'], { stdin: true, tty: true });
    let said = '';
    stream.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    stream.stderr.resume();
    stream.resize({ columns: 123, rows: 45 });
    const asked = () => stream.stdin?.write('stty size\n') !== undefined && said;
    await expect.poll(asked, { timeout: 20_000 }).toContain('45 123');
    stream.stdin?.write('exit 3\n');
    expect(await stream.exit).toBe(3);
  });

  it('carries 32 MiB of output whole, and refuses to keep more than was asked', async () => {
    const bytes = 32 * 1024 * 1024;
    const command = ['head', '-c', `${bytes}`, '/dev/zero'];
    expect((await exec(session, place, command, { outputBytesMax: bytes })).stdout.length).toBe(bytes);
    await expect(exec(session, place, command, { outputBytesMax: 1000 })).rejects.toMatchObject({
      extra: { reason: 'OutputTooLarge' },
    });
  });

  it('holds the sender back while nobody reads', async () => {
    const stream = await openExec(session, place, ['sh', '-c', 'head -c 64M /dev/zero; echo over >&2']);
    let over = false;
    stream.stderr.on('data', () => (over = true));
    stream.stdout.once('readable', () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(over).toBe(false);
    let bytes = 0;
    const read = once(stream.stdout, 'end');
    stream.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
    expect(await stream.exit).toBe(0);
    await read;
    expect(bytes).toBe(64 * 1024 * 1024);
  });

  it('types what cannot be run: no such pod, no such container, no such program, no permission', async () => {
    await expect(exec(session, { ...place, pod: 'none' }, ['true'])).rejects.toMatchObject({ extra: { status: 404 } });
    await expect(exec(session, { ...place, container: 'none' }, ['true'])).rejects.toMatchObject({
      code: 'kube_api',
      extra: { status: 400 },
    });
    await expect(exec(session, place, ['/no/such/program'])).rejects.toMatchObject({ code: 'kube_api' });
    const { token } = await session.requestToken('default', 'default', 600);
    const nobody = new KubeSession({ server: node.target.server, ca: node.target.ca, token }, { policy });
    await expect(exec(nobody, place, ['true'])).rejects.toMatchObject({ code: 'cluster_forbidden' });
    await nobody.close();
  });

  it('ends with its signal, with its time, and with the session', async () => {
    const stop = new AbortController();
    const stopped = exec(session, place, ['sleep', '600'], { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 300);
    await expect(stopped).rejects.toThrow('enough');
    await expect(exec(session, place, ['sleep', '600'], { timeoutMs: 500 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const other = new KubeSession(node.target, { policy });
    const cut = exec(other, place, ['sleep', '600']);
    setTimeout(() => void other.close(), 500);
    await expect(cut).rejects.toMatchObject({ code: 'cluster_unreachable', extra: { reason: 'StreamBroken' } });
  });

  it('attaches to the program that runs already', async () => {
    const stream = await openAttach(session, place, { stdin: true });
    let said = '';
    stream.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    stream.stderr.resume();
    stream.stdin?.write('you\n');
    await expect.poll(() => said, { timeout: 20_000 }).toBe('heard you\n');
    stream.close();
  });

  it('forwards a port: many connections at once, large answers, and a clear error where nothing listens', async () => {
    const script = `"$NODE" -e 'require("http").createServer((q,s)=>s.end(q.url=="/big"?Buffer.alloc(8e6,"z"):"pong "+q.url)).listen(8080)'`;
    await run(shellPod('web', script, { image: nodeImages.node }));
    const place = { namespace: 'default', pod: 'web' };
    const to = (port: number) => ({ ...place, words: 'web', routes: async () => [{ pod: place.pod, port }] });
    const forward = await listenPortForward(session, to(8080));
    const at = (port: number, path: string) =>
      request(`http://127.0.0.1:${port}${path}`, { dispatcher: new Agent(), reset: true });
    const get = async (path: string) => (await at(forward.port, path)).body.text();
    await vi.waitFor(async () => expect(await get('/up')).toBe('pong /up'), { timeout: 30_000, interval: 300 });
    expect(await Promise.all(['/1', '/2', '/3'].map(get))).toEqual(['pong /1', 'pong /2', 'pong /3']);
    expect((await get('/big')).length).toBe(8e6);
    await forward.close();
    await expect(get('/late')).rejects.toThrow();
    const stream = await openPortForward(session, place, 8080);
    stream.write('GET /raw HTTP/1.0\r\n\r\n');
    expect(await text(stream)).toContain('pong /raw');
    const nothing = await listenPortForward(session, to(9));
    await expect(at(nothing.port, '/')).rejects.toThrow();
    expect(nothing.lastError()).toMatchObject({ code: 'kube_api', extra: { reason: 'PortForward' } });
    await nothing.close();
  });

  it('copies a tree into a pod and out again, and never writes outside of the folder', async () => {
    const home = await mkdtemp(join(tmpdir(), 'nm-copy-'));
    await mkdir(join(home, 'in', 'sub'), { recursive: true });
    await writeFile(join(home, 'in', 'sub', 'big'), Buffer.alloc(3_000_000, 7), { mode: 0o600 });
    await writeFile(join(home, 'in', 'ü name'), 'text');
    await symlink('/etc/passwd', join(home, 'in', 'link'));
    await exec(session, place, ['mkdir', '-p', '/tmp']);
    expect(await copyToPod(session, place, join(home, 'in'), '/tmp')).toEqual({
      files: 2,
      bytes: 3_000_004,
      skipped: [{ path: 'in/link', why: 'symlink' }],
    });
    await exec(session, place, ['ln', '-s', '/etc', '/tmp/in/evil']);
    const out = await copyFromPod(session, place, '/tmp/in', join(home));
    expect(out).toEqual({ files: 2, bytes: 3_000_004, skipped: [{ path: 'in/evil', why: 'symlink' }] });
    expect(Buffer.alloc(3_000_000, 7).equals(await readFile(join(home, 'in', 'sub', 'big')))).toBe(true);
    await expect(copyFromPod(session, place, '/no/such', home)).rejects.toMatchObject({
      extra: { reason: 'CopyFailed' },
    });
    await expect(copyToPod(session, place, join(home, 'in'), '/no/such')).rejects.toMatchObject({
      extra: { reason: 'CopyFailed' },
    });
    await expect(copyFromPod(session, place, '/tmp/in', home, { limits: { bytesMax: 1000 } })).rejects.toMatchObject({
      extra: { reason: 'CopyTooLarge' },
    });
    await rm(home, { recursive: true });
  });

  it('reads logs: whole, the tail, and those of the run before', async () => {
    await session.apply(shellPod('ends', 'echo one; echo two; echo three >&2; exit 1'), { fieldManager: 'test' });
    const place = { namespace: 'default', pod: 'ends' };
    const previous = () => readLogs(session, place, { previous: true });
    await vi.waitFor(async () => expect(await previous()).toHaveLength(3), { timeout: 60_000, interval: 500 });
    const lines = (await previous()).map(({ text }) => text);
    expect(lines.sort()).toEqual(['one', 'three', 'two']);
    expect(await readLogs(session, place, { tail: 1 })).toHaveLength(1);
    await expect(readLogs(session, { ...place, pod: 'none' })).rejects.toMatchObject({ extra: { status: 404 } });
  });

  it('follows the logs of many pods in one, across restarts and new pods, each line once', async () => {
    const stop = new AbortController();
    const said: string[] = [];
    const labelled = (name: string, script: string): KubeObject => {
      const pod = shellPod(name, script);
      return { ...pod, metadata: { ...pod.metadata, labels: { follow: 'me' } } };
    };
    const what = { namespace: 'default', labelSelector: 'follow=me' };
    const following = (async () => {
      for await (const line of followLogs(session, what, { signal: stop.signal, clock: systemClock }))
        said.push(`${line.pod}/${line.container}: ${line.text}`);
    })();
    // A file system of its own survives in an emptyDir: the second run says something else than the first.
    const restarting = labelled('again', 'cat /data/n; echo x >> /data/n; echo run over; sleep 1; exit 1');
    const spec = restarting['spec'] as { containers: object[]; volumes?: object[] };
    spec.volumes = [{ name: 'data', emptyDir: {} }];
    Object.assign(spec.containers[0]!, { volumeMounts: [{ name: 'data', mountPath: '/data' }] });
    await session.apply(restarting, { fieldManager: 'test' });
    await session.apply(labelled('steady', 'for i in 1 2 3; do echo "tick $i"; sleep 0.2; done; sleep 600'), {
      fieldManager: 'test',
    });
    const enough = () => {
      expect(said.filter((line) => line === 'again/main: run over').length).toBeGreaterThanOrEqual(2);
      expect(said).toContain('steady/main: tick 3');
    };
    await vi.waitFor(enough, { timeout: 90_000, interval: 300 });
    stop.abort();
    await following;
    expect(said.filter((line) => line.startsWith('steady'))).toEqual([1, 2, 3].map((i) => `steady/main: tick ${i}`));
    expect(said.filter((line) => line.startsWith('again')).slice(0, 4)).toEqual(
      ['cat: /data/n: No such file or directory', 'run over', 'x', 'run over'].map((text) => `again/main: ${text}`),
    );
  });

  it('stops following one pod when it is over', async () => {
    const pod = shellPod('once', 'echo done');
    Object.assign(pod['spec'] as object, { restartPolicy: 'Never' });
    await session.apply(pod, { fieldManager: 'test' });
    const said: string[] = [];
    const signal = AbortSignal.timeout(60_000);
    for await (const line of followLogs(
      session,
      { namespace: 'default', name: 'once' },
      { signal, clock: systemClock },
    ))
      said.push(line.text);
    expect(said).toEqual(['done']);
    expect(signal.aborted).toBe(false);
  });
});
