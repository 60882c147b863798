import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { aStepContext, resumed, type ToldContext } from '../test/a-step-context.js';
import { awaitPredicatesKind } from './await-predicates.js';
import type { KamaDoor } from './step-context.js';

const predicates = ['id::all.green', { kind: 'TruePredicate' }];
const step = { kind: 'await-predicates' as const, title: 'Settle', predicates, timeoutSeconds: 60 };

/** A KAMA whose predicates come to hold with the so manieth look. */
function kama(holdsAt: number): KamaDoor & { readonly bodies: unknown[] } {
  const bodies: unknown[] = [];
  return {
    bodies,
    ask: async (method, path, { body }) => {
      if (method === 'POST') {
        bodies.push({ path, body });
        if (bodies.length === 1) throw new Fault('kama_unreachable');
        return { status: 200, body: { status: 'running', job_id: `j${bodies.length}` } };
      }
      const holds = bodies.length >= holdsAt;
      const error = { type: 'negative_predicate', reason: 'two pods are red' };
      const progress = {
        title: 'Checks',
        status: 'negative',
        sub_items: [{ title: 'Green', status: 'negative', error }],
      };
      return { status: 200, body: { data: holds ? { status: 'positive' } : { status: 'negative', progress } } };
    },
  };
}

const settle = (context: ToldContext) => resumed((each) => awaitPredicatesKind.execute(step, each), context);

describe('predicates of a KAMA', () => {
  it('are asked for again until all of them hold, also of a KAMA that is away for a moment', async () => {
    const door = kama(4);
    const context = aStepContext({ kama: door });
    expect(await settle(context)).toEqual({ predicates: 2 });
    expect(door.bodies).toHaveLength(4);
    expect(door.bodies[0]).toEqual({ path: '/api/actions/run_predicates', body: { predicates } });
    expect(context.lines).toContain('two pods are red');
    expect(context.lines.at(-1)).toBe('all predicates hold');
  });

  it('that never hold end the step in its time, with what was missing', async () => {
    await expect(settle(aStepContext({ kama: kama(1e9) }))).rejects.toMatchObject({
      code: 'run_timeout',
      publicMessage: expect.stringContaining('two pods are red') as string,
    });
  });

  it('that the KAMA does not know are not asked for again', async () => {
    const ask = async () => ({ status: 400, body: { detail: 'no predicate is called so' } });
    await expect(settle(aStepContext({ kama: { ask } }))).rejects.toMatchObject({
      code: 'step_failed',
    });
  });

  it('that take long to look at hold no worker: the look that was asked for is what the next worker asks about', async () => {
    const begun: number[] = [];
    const context = aStepContext();
    const ask: KamaDoor['ask'] = async (method) => {
      const nowMs = context.clock.monotonicMs();
      if (method === 'POST') begun.push(nowMs);
      if (method === 'POST') return { status: 200, body: { job_id: `j${begun.length}` } };
      return { status: 200, body: { data: { status: nowMs - (begun.at(-1) ?? 0) > 20_000 ? 'positive' : 'running' } } };
    };
    const waits: string[] = [];
    const ended = resumed(
      (each) => awaitPredicatesKind.execute(step, each),
      { ...context, kama: { ask } },
      ({ reason }) => waits.push(reason),
    );
    expect(await ended).toEqual({ predicates: 2 });
    expect(begun).toHaveLength(1);
    expect(waits.length).toBeGreaterThan(0);
    expect(new Set(waits)).toEqual(new Set(['kama']));
  });

  it('whose look never ends is asked for anew after a minute', async () => {
    let begun = 0;
    const ask: KamaDoor['ask'] = async (method) => {
      if (method === 'POST') begun++;
      return { status: 200, body: method === 'POST' ? { job_id: `j${begun}` } : { data: { status: 'running' } } };
    };
    await expect(
      resumed(
        (each) => awaitPredicatesKind.execute({ ...step, timeoutSeconds: 150 }, each),
        aStepContext({ kama: { ask } }),
      ),
    ).rejects.toMatchObject({
      code: 'run_timeout',
    });
    expect(begun).toBe(3);
  });
});
