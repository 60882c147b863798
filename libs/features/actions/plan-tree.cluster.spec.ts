import type { RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../testing/needs.js';
import { openRunLab, type RunLab } from '../../testing/run-lab.js';
import { testVault } from '../../testing/test-vault.js';
import { cancelRun, decideApproval, retryRun, sweepRuns } from './index.js';

const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [{ name: 'main', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs }] }],
  clusterRoles: [],
};
type Step = RunPlan['steps'][number];

const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const make = (name: string, more: object = {}): Step =>
  ({
    kind: 'apply',
    title: `Make ${name}`,
    manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} }],
    ...more,
  }) as Step;
/** Fails at once: an object that does not exist cannot be patched. */
const fail = (more: object = {}): Step =>
  ({ kind: 'patch', title: 'Fail', ref: refOf('missing'), patch: { data: { a: '1' } }, ...more }) as Step;
const group = (mode: 'sequence' | 'parallel', steps: Step[], more: object = {}): Step =>
  ({ kind: 'group', title: mode, mode, steps, ...more }) as Step;
const drop = (name: string) => ({
  kind: 'delete' as const,
  title: `Drop ${name}`,
  refs: [refOf(name)],
  timeoutSeconds: 20,
});
const approval = (more: object = {}): Step =>
  ({ kind: 'approval', title: 'Ask', message: 'May it go on?', timeoutSeconds: 600, ...more }) as Step;

describeWith(['kubernetes'], 'plans with groups, conditions, undoing and people', () => {
  let lab: RunLab;
  beforeAll(async () => {
    lab = await openRunLab(rbac);
  });
  afterAll(() => lab.close());
  const advance = (runId: string) => lab.advance(runId);
  const run = async (...steps: Step[]) => {
    const runId = await lab.queue({ steps });
    const verdict = await advance(runId);
    return { runId, verdict, ...(await lab.read(runId)) };
  };
  const exists = async (name: string) => (await lab.admin.get(refOf(name), lab.namespace)) !== undefined;
  const statuses = ({ steps }: { steps: readonly { status: string }[] }) => steps.map(({ status }) => status);
  const deps = () => ({ db: lab.database.db, clock: systemClock, vault: testVault });

  it('works through groups in order and at once, and tells of them as a tree', async () => {
    const done = await run(
      group('sequence', [make('seq-a'), group('parallel', [make('par-a'), make('par-b'), make('par-c')])]),
      make('last'),
    );
    expect(done.verdict).toBe('positive');
    expect(done.steps.map(({ position, parent, role, title }) => [position, parent, role, title])).toEqual([
      [0, undefined, 'group', 'sequence'],
      [1, 0, 'work', 'Make seq-a'],
      [2, 0, 'group', 'parallel'],
      [3, 2, 'work', 'Make par-a'],
      [4, 2, 'work', 'Make par-b'],
      [5, 2, 'work', 'Make par-c'],
      [6, undefined, 'work', 'Make last'],
    ]);
    expect(done.progress.sub_items.map(({ title }) => title)).toEqual(['sequence', 'Make last']);
    expect(done.progress.sub_items[0]?.sub_items[1]?.sub_items.map(({ status }) => status)).toEqual([
      'positive',
      'positive',
      'positive',
    ]);
    for (const name of ['seq-a', 'par-a', 'par-b', 'par-c', 'last']) expect(await exists(name)).toBe(true);
  });

  it('lets the other branches of a parallel group end when one fails, and stops after it', async () => {
    const stopped = await run(group('parallel', [fail(), make('beside')]), make('behind'));
    expect(stopped.verdict).toBe('negative');
    expect(statuses(stopped)).toEqual(['negative', 'negative', 'positive', 'idle']);
    expect(stopped.error).toMatchObject({ code: 'step_failed', object: 'ConfigMap missing' });
    expect([await exists('beside'), await exists('behind')]).toEqual([true, false]);
  });

  it('goes on after a failure where the plan says so, and asks conditions when their turn comes', async () => {
    const done = await run(
      fail({ id: 'try', onError: 'continue' }),
      make('rescue', { when: { step: 'try', is: 'negative' } }),
      make('bonus', {
        when: {
          all: [
            { step: 'try', is: 'positive' },
            { object: refOf('rescue'), is: 'present' },
          ],
        },
      }),
      group('sequence', [make('inner')], { when: { not: { object: refOf('rescue'), is: 'present' } } }),
      make('tail', { when: { object: refOf('rescue'), field: 'metadata.name', equals: 'rescue' } }),
    );
    expect(done.verdict).toBe('positive');
    expect(statuses(done)).toEqual(['negative', 'positive', 'skipped', 'skipped', 'idle', 'positive']);
    expect(done.progress.sub_items[2]).toMatchObject({ status: 'positive', info: 'skipped' });
    expect(done.progress.sub_items[2]?.logs.at(-1)).toBe('Skipped: step "try" was negative');
    expect([await exists('rescue'), await exists('bonus'), await exists('inner')]).toEqual([true, false, false]);
  });

  it('tries a failing step again as often as it says', async () => {
    const runId = await lab.queue({ steps: [fail({ retry: { times: 3, pauseSeconds: 1 } })] });
    const working = advance(runId);
    await expect.poll(async () => (await lab.read(runId)).steps[0]?.attempts, { timeout: 20_000 }).toBe(2);
    await lab.admin.apply({ ...refManifest('missing') }, { namespace: lab.namespace, fieldManager: 'somebody' });
    expect(await working).toBe('positive');
    await lab.admin.delete(refOf('missing'), lab.namespace);
  });

  it('undoes what was done, the latest first, when a later step fails, and keeps the reason', async () => {
    const failed = await run(
      make('one', { undo: [drop('one')] }),
      make('two', { undo: [drop('two')] }),
      make('kept'),
      fail(),
      make('never', { undo: [drop('never')] }),
    );
    expect(failed.verdict).toBe('negative');
    expect(failed.error).toMatchObject({ code: 'step_failed', object: 'ConfigMap missing' });
    expect([await exists('one'), await exists('two'), await exists('kept')]).toEqual([false, false, true]);
    const undo = failed.steps.filter(({ role }) => role === 'undo');
    expect(undo.map(({ title, status }) => [title, status])).toEqual([
      ['Drop one', 'positive'],
      ['Drop two', 'positive'],
      ['Drop never', 'idle'],
    ]);
    const [one, two] = undo.map(({ startedAt }) => Date.parse(startedAt ?? ''));
    expect(two).toBeLessThanOrEqual(one ?? 0);
    expect(failed.progress.sub_items[0]?.sub_items).toMatchObject([{ title: 'Drop one', info: 'undo' }]);
  });

  it('takes back what a step changed by the record of it, and leaves alone what somebody else has changed since', async () => {
    const map = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
    const by = { namespace: lab.namespace, fieldManager: 'somebody' };
    await lab.admin.apply(map('back', { a: '1', b: '1', gone: 'x' }), by);
    const undo = [{ kind: 'restore', title: 'Put back' }];
    const patch = { data: { a: '2', b: '2', gone: null, more: 'y' } };
    const wait = { kind: 'wait-for', title: 'Wait', timeoutSeconds: 60 };
    const runId = await lab.queue({
      steps: [
        { kind: 'patch', title: 'Change', ref: refOf('back'), patch, undo } as Step,
        make('made', { undo }),
        { ...wait, condition: { object: refOf('meddled'), is: 'present' } } as Step,
        fail(),
      ],
    });
    const working = advance(runId);
    await expect.poll(async () => (await lab.read(runId)).steps[2]?.status, { timeout: 60_000 }).toBe('running');
    await lab.admin.apply(map('back', { b: '3' }), { ...by, fieldManager: 'meddler', force: true });
    await lab.admin.apply(map('meddled', {}), by);
    expect(await working).toBe('negative');
    const back = await lab.admin.get(refOf('back'), lab.namespace);
    expect(back?.['data']).toEqual({ a: '1', b: '3', gone: 'x' });
    expect(await exists('made')).toBe(false);
    const undone = (await lab.read(runId)).steps.filter(({ role }) => role === 'undo');
    expect(undone.map(({ status }) => status)).toEqual(['positive', 'positive']);
  });

  it('goes on undoing after a crash, and does none of the plan again', async () => {
    const runId = await lab.queue({ steps: [make('half', { undo: [drop('half')] }), fail(), make('after-half')] });
    await lab.database.db.asSystem(async (tx) => {
      const error = { code: 'step_failed', reason: 'It broke.', fatal: true };
      await tx.runStep.updateMany({ where: { runId, position: 0 }, data: { status: 'positive', attempts: 1 } });
      await tx.runStep.updateMany({ where: { runId, position: 1 }, data: { status: 'negative', error } });
      await tx.run.update({ where: { id: runId }, data: { fence: 1, ending: { status: 'negative', error } } });
    });
    await lab.admin.apply(refManifest('half'), { namespace: lab.namespace, fieldManager: 'somebody' });
    expect(await advance(runId)).toBe('negative');
    expect([await exists('half'), await exists('after-half')]).toEqual([false, false]);
    expect((await lab.read(runId)).error).toMatchObject({ reason: 'It broke.' });
  });

  it('undoes when it is cancelled, and is not cancelled out of that', async () => {
    const wait = {
      kind: 'wait-for',
      title: 'Wait',
      timeoutSeconds: 60,
      condition: { object: refOf('nobody'), is: 'present' },
    };
    const runId = await lab.queue({ steps: [make('mine', { undo: [drop('mine')] }), wait as Step] });
    const working = advance(runId);
    await expect.poll(async () => (await lab.read(runId)).steps[1]?.status, { timeout: 20_000 }).toBe('running');
    await cancelRun(lab.database.db, lab.scope, runId);
    expect(await working).toBe('cancelled');
    expect(await exists('mine')).toBe(false);
    expect(await lab.read(runId)).toMatchObject({ status: 'cancelled', error: { code: 'run_cancelled' } });
  });

  it('waits for a person without a worker, holds the install meanwhile, and goes on when approved', async () => {
    const runId = await lab.queue({ steps: [make('before-ask'), approval(), make('after-ask')] });
    expect(await advance(runId)).toBe('waits');
    const waiting = await lab.read(runId);
    expect(waiting).toMatchObject({ status: 'waiting', waiting: { for: 'May it go on?', step: 1 } });
    expect(waiting.progress).toMatchObject({ status: 'running', info: 'May it go on?' });
    const other = await lab.queue({ steps: [make('other')] });
    expect(await advance(other)).toBe('busy');
    expect(await advance(runId)).toBe('waits');

    const decide = (decision: 'approved' | 'declined') =>
      decideApproval(lab.database.db, lab.scope, runId, { step: 1, decision, comment: 'fine' }, 'Ada');
    await decide('approved');
    expect(await advance(runId)).toBe('positive');
    await expect(decide('declined')).rejects.toMatchObject({ code: 'nothing_to_approve' });
    const done = await lab.read(runId);
    expect(done.progress.sub_items[1]?.logs.at(-1)).toBe('Approved by Ada: fine');
    expect(await exists('after-ask')).toBe(true);
    expect(await advance(other)).toBe('positive');
  });

  it('ends when a person declines, when nobody answers in time, and when it is cancelled while it waits', async () => {
    const declined = await lab.queue({ steps: [approval()] });
    await advance(declined);
    await decideApproval(lab.database.db, lab.scope, declined, { step: 0, decision: 'declined' }, 'Ada');
    expect(await advance(declined)).toBe('negative');
    expect((await lab.read(declined)).error?.code).toBe('approval_declined');

    const late = await lab.queue({ steps: [approval({ timeoutSeconds: 10 })] });
    await advance(late);
    const longAgo = new Date(systemClock.nowMs() - 60_000);
    await lab.database.db.asSystem(async (tx) => {
      await tx.run.update({ where: { id: late }, data: { waitsUntil: longAgo } });
      const output = { askedAt: longAgo.toISOString() };
      await tx.runStep.updateMany({ where: { runId: late }, data: { output } });
    });
    const asked: string[] = [];
    const sweep = { db: lab.database.db, clock: systemClock, onError: () => undefined };
    await sweepRuns({ ...sweep, advance: async (requests) => void asked.push(...requests.map(({ runId }) => runId)) });
    expect(await advance(late)).toBe('negative');
    expect((await lab.read(late)).error?.code).toBe('approval_expired');

    const cancelled = await lab.queue({ steps: [make('undone', { undo: [drop('undone')] }), approval()] });
    await advance(cancelled);
    await cancelRun(lab.database.db, lab.scope, cancelled);
    expect(await advance(cancelled)).toBe('cancelled');
    expect(await exists('undone')).toBe(false);
  });

  it('goes on from the failed step in a new run, and does not do again what was done', async () => {
    const failed = await run(make('first-part'), fail(), make('second-part'));
    await lab.admin.delete(refOf('first-part'), lab.namespace);
    await lab.admin.apply(refManifest('missing'), { namespace: lab.namespace, fieldManager: 'somebody' });
    const retried = await retryRun(deps(), lab.scope, failed.runId, { from: 'failed' });
    expect(retried).toMatchObject({ retryOf: failed.runId, status: 'queued' });
    expect((await retryRun(deps(), lab.scope, failed.runId, { from: 'failed' })).id).toBe(retried.id);
    expect(await advance(retried.id)).toBe('positive');
    expect([await exists('first-part'), await exists('second-part')]).toEqual([false, true]);
    const again = await retryRun(deps(), lab.scope, failed.runId, { from: 'start' });
    expect(await advance(again.id)).toBe('positive');
    expect(await exists('first-part')).toBe(true);
    expect(await lab.read(failed.runId)).toMatchObject({ status: 'negative' });
    await lab.admin.delete(refOf('missing'), lab.namespace);
  });

  it('does again what was undone, and asks a person about a step in doubt', async () => {
    const failed = await run(make('again', { undo: [drop('again')] }), fail());
    await lab.admin.apply(refManifest('missing'), { namespace: lab.namespace, fieldManager: 'somebody' });
    const retried = await retryRun(deps(), lab.scope, failed.runId, { from: 'failed' });
    expect(await advance(retried.id)).toBe('positive');
    expect(await exists('again')).toBe(true);
    await lab.admin.delete(refOf('missing'), lab.namespace);

    const url = 'http://127.0.0.1:9/';
    const doubt = await lab.queue({
      steps: [{ kind: 'http-request', title: 'Send', method: 'POST', url, expectStatus: [200], timeoutSeconds: 5 }],
    });
    await lab.database.db.asSystem(async (tx) => {
      await tx.runStep.updateMany({ where: { runId: doubt }, data: { status: 'running', output: { begun: true } } });
      await tx.run.update({ where: { id: doubt }, data: { fence: 1 } });
    });
    expect(await advance(doubt)).toBe('waits');
    expect(statuses(await lab.read(doubt))).toEqual(['unknown']);
    expect((await lab.read(doubt)).waiting).toMatchObject({ reason: 'decision', step: 0 });
    await cancelRun(lab.database.db, lab.scope, doubt);
    expect(await advance(doubt)).toBe('cancelled');
    const ask = retryRun(deps(), lab.scope, doubt, { from: 'failed' });
    await expect(ask).rejects.toMatchObject({ code: 'run_step_unknown', extra: { steps: [0] } });
    const said = { from: 'failed', unknownSteps: 'done' } as const;
    await expect(retryRun(deps(), lab.scope, doubt, said)).rejects.toMatchObject({ code: 'forbidden' });
    const done = await retryRun(deps(), lab.scope, doubt, said, 'Ada');
    expect((await lab.read(doubt)).steps[0]).toMatchObject({
      status: 'unknown',
      decision: { outcome: 'done', by: 'Ada' },
    });
    expect(await advance(done.id)).toBe('positive');
  });
});

const refManifest = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} });
