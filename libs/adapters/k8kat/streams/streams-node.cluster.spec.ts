import { EgressPolicy } from '@nm/adapters/egress';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../testing/real-node.js';
import { type KubeObject, KubeSession, readinessOf } from '../index.js';
import { exec, openAttach, openExec } from './exec.js';

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
    node = await openRealNode();
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
    await expect.poll(() => (stream.stdin?.write('stty size\n'), said), { timeout: 20_000 }).toContain('45 123');
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
    stream.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
    expect(await stream.exit).toBe(0);
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
});
