import { describe, expect, it } from 'vitest';
import { type RunRow, runView, type StepRow } from './run-view.js';

const at = new Date('2026-01-01T00:00:00Z');

function percent(runStatus: string, ...steps: (string | [status: string, role: string])[]): number {
  const run = {
    id: 'run_1',
    status: runStatus,
    kind: 'action',
    createdAt: at,
    retryOf: null,
    parentId: null,
  } as unknown as RunRow;
  const rows = steps.map((step, position) => {
    const [status, role] = typeof step === 'string' ? [step, 'work'] : step;
    return {
      id: `step_${position}`,
      position,
      parent: null,
      role,
      kind: 'wait',
      title: 'Wait',
      status,
      output: null,
      decision: null,
    };
  }) as unknown as StepRow[];
  const changes = { count: 0, first: [] };
  return runView(run, { steps: rows, logs: [], changes, queue: undefined, children: new Map() }).percent;
}

describe('the percentage of a run', () => {
  it('is how many in a hundred of its steps have ended, however they did, rounded down', () => {
    expect(percent('queued', 'idle', 'idle', 'idle')).toBe(0);
    expect(percent('running', 'positive', 'running', 'idle')).toBe(33);
    expect(percent('running', 'positive', 'skipped', 'running')).toBe(66);
    expect(percent('negative', 'positive', 'negative', 'idle', 'idle')).toBe(50);
    expect(percent('waiting', 'positive', 'unknown', 'idle', 'idle')).toBe(50);
  });

  it('counts no groups, and no undo steps, which mostly are never done', () => {
    expect(percent('running', ['running', 'group'], 'positive', 'idle', ['idle', 'undo'])).toBe(50);
  });

  it('is a hundred when it has ended well, and only then', () => {
    expect(percent('positive', 'positive', ['idle', 'undo'])).toBe(100);
    expect(percent('positive')).toBe(100);
    expect(percent('cancelled')).toBe(0);
  });
});
