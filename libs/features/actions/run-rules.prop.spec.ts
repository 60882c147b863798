import type { RunStatus } from '@nm/kernel/contracts';
import { type Code, codes } from '@nm/kernel/fault';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideCancel, decideClaim, isTerminal, nodeStatusOf, verdictOf } from './run-rules.js';

/** A run as the rules see it, and what can happen to it. */
interface Model {
  status: RunStatus;
  fence: number;
  /** Fence of the worker whose lease lives; undefined when nobody's does. */
  holder: number | undefined;
  cancelRequested: boolean;
}

type Obstacle = 'busy' | 'behind' | 'paused' | 'away' | 'closed';

type Happening =
  | ({ readonly type: 'claim' } & Readonly<Record<Obstacle, boolean>>)
  | { readonly type: 'lease runs out' }
  | { readonly type: 'cancel' }
  | { readonly type: 'worker stops'; readonly fence: number; readonly code: Code | 'done' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    type: fc.constant('claim' as const),
    busy: fc.boolean(),
    behind: fc.boolean(),
    paused: fc.boolean(),
    away: fc.boolean(),
    closed: fc.boolean(),
  }),
  fc.record({ type: fc.constant('lease runs out' as const) }),
  fc.record({ type: fc.constant('cancel' as const) }),
  fc.record({
    type: fc.constant('worker stops' as const),
    fence: fc.integer({ min: 1, max: 6 }),
    code: fc.constantFrom<Code | 'done'>(
      'done',
      'run_cancelled',
      'run_timeout',
      'run_lost',
      'draining',
      'step_failed',
      'store_unavailable',
    ),
  }),
);

/** The database's part: a write counts only under the newest fence of a running run. */
function happen(run: Model, event: Happening): void {
  switch (event.type) {
    case 'claim': {
      const facts = {
        status: run.status,
        leaseExpired: run.holder === undefined,
        busy: event.busy,
        behind: event.behind,
        paused: event.paused,
        away: event.away,
        closed: event.closed,
      };
      if (decideClaim(facts) !== 'claim') return;
      run.status = 'running';
      run.holder = ++run.fence;
      return;
    }
    case 'lease runs out':
      run.holder = undefined;
      return;
    case 'cancel': {
      const decision = decideCancel({ status: run.status, begun: run.fence > 0 });
      if (decision === 'ask-worker') run.cancelRequested = true;
      if (decision === 'cancel-now') run.status = 'cancelled';
      return;
    }
    case 'worker stops': {
      if (run.status !== 'running' || event.fence !== run.fence) return;
      const verdict = event.code === 'done' ? 'positive' : verdictOf(event.code);
      if (verdict === 'release') run.holder = undefined;
      else if (verdict !== 'abandon') run.status = verdict;
    }
  }
}

const runs = (check: (before: Model, after: Model, event: Happening) => void) =>
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (events) => {
      const run: Model = { status: 'queued', fence: 0, holder: undefined, cancelRequested: false };
      for (const event of events) {
        const before = { ...run };
        happen(run, event);
        check(before, run, event);
      }
    }),
    { numRuns: 500 },
  );

describe('rules of runs', () => {
  it('whatever happens, an ended run never changes again', () =>
    runs((before, after) => {
      if (isTerminal(before.status)) expect(after).toMatchObject({ status: before.status, fence: before.fence });
    }));

  it('the fence only grows, by one with each claim', () =>
    runs((before, after, event) => {
      expect([before.fence, before.fence + 1]).toContain(after.fence);
      if (after.fence > before.fence) expect(event.type).toBe('claim');
    }));

  it('nobody claims a run whose worker lives, or that is not its install’s turn', () =>
    runs((before, after, event) => {
      if (after.fence === before.fence) return;
      expect(before.status === 'running' && before.holder !== undefined).toBe(false);
      expect(event).toMatchObject({ busy: false });
      if (before.status === 'queued') expect(event).toMatchObject({ behind: false });
    }));

  it('a worker of an old claim changes nothing', () =>
    runs((before, after, event) => {
      if (event.type === 'worker stops' && event.fence !== before.fence) expect(after).toEqual(before);
    }));

  it('a run that has begun can always be brought to an end', () =>
    runs((_, after) => {
      if (isTerminal(after.status)) return;
      const run = { ...after };
      happen(run, { type: 'lease runs out' });
      happen(run, { type: 'claim', busy: false, behind: false, paused: false, away: false, closed: false });
      happen(run, { type: 'worker stops', fence: run.fence, code: 'done' });
      expect(run.status).toBe('positive');
    }));

  it('every fault has a verdict, and only shutdown and loss leave the run open', () => {
    const open = (Object.keys(codes) as Code[]).filter((code) => ['release', 'abandon'].includes(verdictOf(code)));
    expect(open.sort()).toEqual(['draining', 'run_lost', 'store_unavailable']);
  });

  it('KAMA clients see only the four words that they know', () => {
    const all: RunStatus[] = ['queued', 'running', 'positive', 'negative', 'cancelled', 'timed_out'];
    expect(all.map(nodeStatusOf)).toEqual(['idle', 'running', 'positive', 'negative', 'negative', 'negative']);
  });
});
