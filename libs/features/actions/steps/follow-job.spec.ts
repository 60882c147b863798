import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { aStepContext, resumed, type ToldContext } from '../test/a-step-context.js';
import { followJobKind } from './follow-job.js';
import type { KamaAnswer, KamaDoor } from './step-context.js';
import { withoutWatch } from './watch.js';

const node = (status: string, more: object = {}) => ({
  ...{ id: 'root', title: 'Upgrade', info: null, status, logs: ['line'], error: null, sub_items: [] },
  ...more,
});
const told = (status: string | null, progress: unknown = null): KamaAnswer => ({
  status: 200,
  body: { data: { status, progress, result: null } },
});
const gone: KamaAnswer = { status: 404, body: { code: 'not_found' } };

/** A KAMA that gives these answers, the last one for ever. */
function kama(...answers: (KamaAnswer | Fault)[]): KamaDoor & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ask: async (method, path) => {
      asked.push(`${method} ${path}`);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Fault) throw answer;
      return answer as KamaAnswer;
    },
  };
}

const step = { kind: 'follow-job' as const, title: 'Follow', job: '6b5f-1', timeoutSeconds: 600 };
const follow = (door: KamaDoor, context = aStepContext({ kama: door })) =>
  resumed((each) => followJobKind.execute(step, each), { ...context, kama: door });

describe('a job of a KAMA that answers for itself', () => {
  it('is followed until it is positive; its tree is copied, and each of its turns is a line', async () => {
    const door = kama(
      told('running'),
      told('running', node('running', { sub_items: [node('running', { title: 'Apply' })] })),
      told('positive', node('positive', { sub_items: [node('positive', { title: 'Apply' })] })),
    );
    const context = aStepContext({ kama: door });
    expect(await follow(door, context)).toMatchObject({
      status: 'positive',
      progress: {
        title: 'Upgrade',
        status: 'positive',
        sub_items: [{ title: 'Apply', status: 'positive', logs: ['line'] }],
      },
    });
    expect(door.asked).toEqual(Array(3).fill('GET /api/app/jobs/6b5f-1/status'));
    expect(context.lines.slice(1)).toEqual([
      'Upgrade: running',
      'Upgrade › Apply: running',
      'Upgrade: positive',
      'Upgrade › Apply: positive',
    ]);
  });

  it('that fails gives the innermost reason', async () => {
    const error = { fatal: true, type: 'kubectl_apply', reason: 'no quota', logs: [], remediation_options: [] };
    const failed = told('negative', node('negative', { sub_items: [node('negative', { error })] }));
    await expect(follow(kama(failed))).rejects.toMatchObject({
      code: 'step_failed',
      publicMessage: expect.stringContaining('no quota') as string,
      extra: { reason: 'kubectl_apply' },
    });
  });

  it.each([
    ['not known for a moment', gone],
    ['null, as the oldest say', told(null)],
    ['away for a moment', new Fault('kama_unreachable')],
    ['an error of the server', { status: 500, body: undefined }],
  ])('survives that the KAMA says: %s', async (_, answer) => {
    expect(await follow(kama(answer, answer, told('positive')))).toMatchObject({ status: 'positive' });
  });

  it.each([
    ['that nobody knows any more', gone, 30_000],
    ['whose KAMA stays away', new Fault('kama_unreachable'), 150_000],
  ])('%s ends negative, with the reason, after a while', async (_, answer, withinMs) => {
    const context = aStepContext();
    const ending = follow(kama(answer), context);
    await expect(ending).rejects.toMatchObject({ code: 'step_failed', extra: { reason: 'JobLost' } });
    expect(context.clock.monotonicMs()).toBeLessThan(withinMs);
  });

  it('is not asked for again once the licence has ended', async () => {
    const door = kama({ status: 403, body: { code: 'licence_revoked', detail: 'The licence was revoked.' } });
    await expect(follow(door)).rejects.toMatchObject({
      code: 'step_failed',
      publicMessage: expect.stringContaining('revoked') as string,
      extra: { reason: 'licence_revoked' },
    });
    expect(door.asked).toHaveLength(1);
  });

  it('is followed no longer than the step may take', async () => {
    await expect(follow(kama(told('running')))).rejects.toMatchObject({ code: 'run_timeout' });
  });

  it('goes on when the run is cancelled, and the run says so', async () => {
    const stop = new AbortController();
    const door = kama(told('running'));
    const context = aStepContext({ signal: stop.signal });
    const asking: KamaDoor = {
      ask: (...args) => {
        stop.abort(new Fault('run_cancelled'));
        return door.ask(...args);
      },
    };
    await expect(follow(asking, context)).rejects.toMatchObject({ code: 'run_cancelled' });
    expect(context.lines[0]).toContain('the job itself goes on');
  });

  describe('that takes long', () => {
    /** Runs for so long by the clock of the context. */
    const lasting = (context: ToldContext, seconds: number): KamaDoor & { asked: number } => {
      const door = {
        asked: 0,
        ask: async () => {
          door.asked++;
          const now = context.clock.monotonicMs() / 1000;
          return told(now < seconds ? 'running' : 'positive', node(now < seconds ? 'running' : 'positive'));
        },
      };
      return door;
    };

    it('holds a worker for seconds only: the run is given back between looks, which become rarer', async () => {
      const context = aStepContext();
      const door = lasting(context, 500);
      const startMs = context.clock.nowMs();
      const waits: { afterMs: number; reason: string; keepsDeadline: boolean }[] = [];
      let workedMs = 0;
      let tookUpMs = startMs;
      const ended = resumed(
        (each) => followJobKind.execute(step, each),
        { ...context, kama: door },
        ({ until, reason, keepsDeadline }) => {
          workedMs += context.clock.nowMs() - tookUpMs;
          tookUpMs = until.getTime();
          waits.push({ afterMs: until.getTime() - context.clock.nowMs(), reason, keepsDeadline });
        },
      );
      expect(await ended).toMatchObject({ status: 'positive' });
      expect(workedMs).toBeLessThan(15_000);
      expect(waits[0]).toEqual({ afterMs: 5_000, reason: 'kama', keepsDeadline: true });
      expect(waits.at(-1)?.afterMs).toBe(30_000);
      expect(door.asked).toBeLessThan(60);
      expect(context.clock.nowMs() - startMs).toBeLessThan(531_000);
      expect(context.lines.filter((line) => line.startsWith('Follows'))).toHaveLength(1);
      expect(context.lines.filter((line) => line === 'Upgrade: running')).toHaveLength(1);
    });

    it('is followed no longer than the step may take, however often its worker changed; tried again, its time begins anew', async () => {
      const context = aStepContext();
      const door = lasting(context, 1e9);
      const startMs = context.clock.nowMs();
      await expect(follow(door, context)).rejects.toMatchObject({ code: 'run_timeout' });
      expect(context.clock.nowMs() - startMs).toBe(600_000);
      const noted = context.notes.at(-1);
      expect(noted).toMatchObject({ parked: true, progress: { title: 'Upgrade' } });
      const again = { ...context, noted: withoutWatch(noted) };
      await expect(follow(door, again)).rejects.toMatchObject({ code: 'run_timeout' });
      expect(context.clock.nowMs() - startMs).toBe(1_200_000);
    });
  });

  it('has an id, whatever a step before has given', async () => {
    const job = { $from: 'steps.x.body.job_id' };
    const broken = { ...step, job: { nested: true } as unknown as typeof job };
    await expect(followJobKind.execute(broken, aStepContext({ kama: kama(gone) }))).rejects.toMatchObject({
      extra: { reason: 'NoJob' },
    });
  });

  it('may send a tree of any size: only so much of it is kept', async () => {
    const deep = (left: number): object => node('positive', left ? { sub_items: [deep(left - 1)] } : {});
    const wide = node('positive', {
      sub_items: Array.from({ length: 5_000 }, () => deep(50)),
      logs: Array(9_999).fill('x'.repeat(9_999)),
    });
    expect(JSON.stringify(await follow(kama(told('positive', wide)))).length).toBeLessThan(100_000);
  });
});
