import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { aStepContext } from '../test/a-step-context.js';
import { patiently, until } from './patience.js';

const away = () => new Fault('cluster_unreachable', { public: 'The cluster does not answer.' });
const answered = (status: number) => new Fault('kube_api', { extra: { status } });

describe('a step that looks until it sees', () => {
  it('gives what the look gives, at once when it is there', async () => {
    const context = aStepContext();
    const beganMs = context.clock.nowMs();
    expect(await until(context, 10, async () => 'seen', String)).toBe('seen');
    expect(context.clock.nowMs()).toBe(beganMs);
  });

  it('looks quickly at first and then every two seconds, as long as it was told to, and says what is missing', async () => {
    const context = aStepContext();
    const beganMs = context.clock.nowMs();
    const looks: number[] = [];
    const look = async () => void looks.push(context.clock.nowMs() - beganMs);
    await expect(until(context, 12, look, () => 'web: 1 of 2 ready')).rejects.toMatchObject({
      code: 'run_timeout',
      publicMessage: 'Not done within 12 s: web: 1 of 2 ready.',
    });
    expect(looks).toEqual([0, 250, 500, 1_000, 1_500, 2_500, 3_500, 5_500, 7_500, 9_500, 11_500]);
  });

  it('ends with the signal of its run', async () => {
    const controller = new AbortController();
    const context = aStepContext({ signal: controller.signal });
    const look = async () => controller.abort(new Fault('run_cancelled'));
    await expect(until(context, 10, look as () => Promise<undefined>, String)).rejects.toMatchObject({
      code: 'run_cancelled',
    });
  });
});

describe('a step whose cluster is away for a moment', () => {
  it.each([away(), answered(429), answered(500), answered(503)])(
    'tries again, and says so once (%o)',
    async (fault) => {
      const context = aStepContext();
      let tries = 0;
      const work = async () => {
        if (++tries < 4) throw fault;
        return 'done';
      };
      expect(await patiently(context, work)).toBe('done');
      expect(context.lines).toEqual([`${fault.publicMessage} Trying again.`]);
    },
  );

  it('puts up with a minute of it, and no more', async () => {
    const context = aStepContext();
    const beganMs = context.clock.nowMs();
    await expect(patiently(context, () => Promise.reject(away()))).rejects.toMatchObject({
      code: 'cluster_unreachable',
    });
    const tookMs = context.clock.nowMs() - beganMs;
    expect(tookMs).toBeGreaterThan(60_000);
    expect(tookMs).toBeLessThanOrEqual(65_000);
  });

  it.each([answered(404), answered(409), new Fault('cluster_forbidden'), new TypeError('ours')])(
    'tries nothing again that will stay as it is (%o)',
    async (error) => {
      const context = aStepContext();
      let tries = 0;
      const work = () => {
        tries++;
        return Promise.reject(error);
      };
      await expect(patiently(context, work)).rejects.toBe(error);
      expect([tries, context.lines]).toEqual([1, []]);
    },
  );
});
