import { LicenceState } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { type LicenceMove, nextState } from './licence-states.js';

const moves: readonly LicenceMove[] = ['suspend', 'resume', 'revoke'];

describe('nextState', () => {
  it('never leads out of revoked', () => {
    for (const move of moves) expect(nextState('revoked', move) ?? 'revoked').toBe('revoked');
    expect(nextState('revoked', 'resume')).toBeUndefined();
    expect(nextState('revoked', 'suspend')).toBeUndefined();
  });

  it('is stable: doing it again changes nothing', () => {
    for (const state of LicenceState.options)
      for (const move of moves) {
        const next = nextState(state, move);
        if (next) expect(nextState(next, move)).toBe(next);
      }
  });

  it('suspends and resumes', () => {
    expect(nextState('active', 'suspend')).toBe('suspended');
    expect(nextState('suspended', 'resume')).toBe('active');
    expect(nextState('active', 'revoke')).toBe('revoked');
  });
});
