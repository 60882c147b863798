import { EgressPolicy } from '@nm/adapters/egress';
import { type KubeObject, KubeSession, readinessOf } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { systemClock as clock } from '@nm/kernel/time';
import { Agent } from 'undici';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../testing/needs.js';
import { nodeImages, openRealNode, type RealNode } from '../../../testing/real-node.js';
import { resumed } from '../test/a-step-context.js';
import { execKind } from './exec.js';
import { runPodKind } from './run-pod.js';
import { type StepContext, type StepOf, stepSession } from './step-context.js';
import { isParked } from './watch.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const namespace = 'default';

const server = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: 'server' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: nodeImages.shell, imagePullPolicy: 'Never', args: ['sleep 3600'] }],
  },
});

describeWith(['kubelet'], 'steps in pods that really run', () => {
  let node: RealNode;
  let session: KubeSession;
  const egress = new Agent();
  beforeAll(async () => {
    node = await openRealNode(['shell']);
    session = new KubeSession(node.target, { policy });
    await session.apply(server('server-1'), { fieldManager: 'test' });
    const ready = async () =>
      expect(
        readinessOf((await session.get({ apiVersion: 'v1', kind: 'Pod', name: 'server-1' }, namespace))!).state,
      ).toBe('ready');
    await vi.waitFor(ready, { timeout: 90_000, interval: 200 });
  }, 240_000);
  afterAll(async () => {
    await egress.destroy();
    await session?.close();
    await node?.stop();
  });

  let positions = 0;
  /** A step's world: what it notes and logs is kept, as the engine keeps it. */
  const world = (more: Partial<StepContext> = {}) => {
    const notes: unknown[] = [];
    const lines: string[] = [];
    const context: StepContext = {
      ...{
        session: stepSession(async () => session),
        run: { id: 'run_1', fence: 1 },
        position: positions++,
        namespace,
      },
      ...{ clock, egress, signal: new AbortController().signal, noted: null, dry: false, undone: async () => [] },
      changes: { begin: async () => undefined, end: async () => undefined, drop: async () => undefined },
      children: { queue: () => Promise.reject(new Error('none')), read: () => Promise.reject(new Error('none')) },
      guard: () => undefined,
      log: async (line) => void lines.push(line),
      note: async (note) => void notes.push(note),
      ...more,
    };
    return { context, notes, lines };
  };
  /** Given back between two looks, the step is taken up again. */
  const runPod = (step: StepOf<'run-pod'>, { context, notes, lines }: ReturnType<typeof world>) =>
    resumed((each) => runPodKind.execute(step, each), { ...context, notes, lines });
  const execStep = (command: string[], more: object = {}): StepOf<'exec'> => ({
    ...{ kind: 'exec', title: 'Run', pod: { labels: { app: 'server' } }, command, expectExit: [0], timeoutSeconds: 60 },
    ...more,
  });
  const podStep = (script: string, more: object = {}): StepOf<'run-pod'> => ({
    ...{ kind: 'run-pod', title: 'Run', image: nodeImages.shell, command: ['/usr/bin/sh', '-c', script] },
    ...{ imagePullPolicy: 'Never', expectExit: [0], timeoutSeconds: 60, ...more },
  });
  const jobs = async () => {
    const { items } = await session.list({ apiVersion: 'batch/v1', kind: 'Job', namespace });
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  };

  it('exec runs a command in the pod that the labels choose, once, and gives what it said', async () => {
    const { context, notes, lines } = world();
    const step = execStep(['sh', '-c', 'cat; echo oops >&2'], { stdin: 'hello\n' });
    expect(await execKind.execute(step, context)).toEqual({
      ...{ pod: 'server-1', exitCode: 0, stdout: 'hello\n', stderr: 'oops\n' },
    });
    expect(notes).toEqual([{ begun: true }]);
    expect(lines).toEqual(['hello', 'oops', 'Pod server-1: the command ended with 0']);
    await expect(execKind.execute(step, { ...context, noted: { begun: true } })).rejects.toMatchObject({
      code: 'step_unknown',
    });
  });

  it('exec fails with the exit code, and where nothing was begun, and may be tried again after both', async () => {
    const failed = world();
    await expect(execKind.execute(execStep(['sh', '-c', 'echo no >&2; exit 3']), failed.context)).rejects.toMatchObject(
      {
        ...{ code: 'step_failed', publicMessage: 'The command ended with 3: no' },
        extra: { object: 'Pod server-1' },
      },
    );
    expect(failed.notes.at(-1)).toEqual({});
    for (const step of [execStep(['/no/such/program']), execStep(['true'], { container: 'nope' })]) {
      const refused = world();
      await expect(execKind.execute(step, refused.context)).rejects.toMatchObject({ code: 'kube_api' });
      expect(refused.notes.at(-1)).toEqual({});
    }
    await expect(
      execKind.execute(execStep(['true'], { pod: { labels: { app: 'none' } } }), world().context),
    ).rejects.toThrow('No pod with the labels app=none is ready');
    const stopped = world({
      guard: () => {
        throw new Fault('run_lost');
      },
    });
    await expect(execKind.execute(execStep(['true']), stopped.context)).rejects.toMatchObject({ code: 'run_lost' });
    expect(stopped.notes.at(-1)).toEqual({});
  });

  it('exec is in doubt when the connection breaks or it takes too long, unless its author says it may be repeated', async () => {
    const own = new KubeSession(node.target, { policy });
    const cut = world({ session: stepSession(async () => own) });
    const working = execKind.execute(execStep(['sh', '-c', 'echo begun > /begun; sleep 600']), cut.context);
    working.catch(() => undefined);
    const begun = execStep(['sh', '-c', 'cat /begun']);
    await vi.waitFor(() => execKind.execute(begun, world().context), { timeout: 60_000, interval: 200 });
    await own.close();
    await expect(working).rejects.toMatchObject({ code: 'step_unknown', extra: { object: 'Pod server-1' } });
    expect(cut.notes).toEqual([{ begun: true }]);
    const late = world();
    await expect(
      execKind.execute(execStep(['sleep', '600'], { timeoutSeconds: 1 }), late.context),
    ).rejects.toMatchObject({
      code: 'step_unknown',
    });
    const again = execStep(['sleep', '600'], { timeoutSeconds: 1, repeatable: true });
    await expect(execKind.execute(again, world().context)).rejects.toMatchObject({ code: 'step_failed' });
  });

  it('exec ends at once when the run is cancelled, and stays in doubt', async () => {
    const stop = new AbortController();
    const { context, notes } = world({ signal: stop.signal });
    const working = execKind.execute(execStep(['sleep', '600']), context);
    working.catch(() => undefined);
    await vi.waitFor(() => expect(notes).toEqual([{ begun: true }]), { timeout: 20_000 });
    await clock.sleep(300);
    const beganMs = clock.monotonicMs();
    stop.abort(new Fault('run_cancelled'));
    await expect(working).rejects.toMatchObject({ code: 'run_cancelled' });
    expect(clock.monotonicMs() - beganMs).toBeLessThan(2_000);
    expect(notes).toEqual([{ begun: true }]);
  });

  it('run-pod gives the exit code and the output of its pod, and takes it away, whatever came of it', async () => {
    const greeting = world();
    const done = await runPod(podStep('echo "$GREETING"', { env: { GREETING: 'hi' } }), greeting);
    expect(done).toMatchObject({ exitCode: 0, output: 'hi' });
    expect(greeting.lines).toContain('hi');
    const kept = greeting.notes.filter((note) => !isParked(note));
    expect(kept.map((note) => Object.keys(note as object).sort())).toEqual([
      ['begun', 'failed'],
      ['failed', 'job'],
      ['ended', 'failed', 'uid'],
    ]);
    const failed = world();
    await expect(runPod(podStep('exit 3'), failed)).rejects.toMatchObject({
      ...{ code: 'step_failed', publicMessage: 'The command ended with 3.' },
    });
    expect(failed.notes.at(-1)).toEqual({ failed: 1 });
    await expect.poll(async () => (await jobs()).length, { timeout: 60_000 }).toBe(0);
  });

  it('run-pod is ended by the cluster at its deadline, though nobody were left to end it, and goes with the cancel of its run', async () => {
    const late = world();
    await expect(runPod(podStep('sleep 600', { timeoutSeconds: 5 }), late)).rejects.toMatchObject({
      ...{ code: 'step_failed', extra: { reason: 'DeadlineExceeded' } },
    });
    const stop = new AbortController();
    const endless = world({ signal: stop.signal });
    const working = runPod(podStep('sleep 600'), endless);
    working.catch(() => undefined);
    await vi.waitFor(() => expect(endless.notes.length).toBeGreaterThan(1), { timeout: 60_000 });
    const [job] = await jobs();
    expect(job?.['spec']).toMatchObject({ activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 600, backoffLimit: 0 });
    const beganMs = clock.monotonicMs();
    stop.abort(new Fault('run_cancelled'));
    await expect(working).rejects.toMatchObject({ code: 'run_cancelled' });
    expect(clock.monotonicMs() - beganMs).toBeLessThan(2_000);
    // What the engine does when the run ends, with a signal of its own.
    const { signal } = new AbortController();
    await runPodKind.abandon?.(podStep('sleep 600'), { ...endless.context, noted: endless.notes.at(-1), signal });
    await expect.poll(async () => (await jobs()).length, { timeout: 60_000 }).toBe(0);
  });
});
