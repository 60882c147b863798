import { describe, expect, it } from 'vitest';
import { cohortOf } from './cohort.js';
import { newId } from './typeid.js';

describe('cohortOf', () => {
  it('never changes for an id', () => {
    // Were this to change, a rollout in progress would swap who has the next version.
    expect(['lic_01jd8z0000e8xtq6n9mk4s2c7v', 'lic_a', 'lic_b'].map(cohortOf)).toEqual([19, 56, 17]);
  });

  it('spreads ids of one moment over all cohorts', () => {
    const counts = new Array<number>(100).fill(0);
    for (let i = 0; i < 20_000; i++) counts[cohortOf(newId('licence', 1_764_000_000_000))]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(120);
    expect(Math.max(...counts)).toBeLessThan(300);
  });
});
