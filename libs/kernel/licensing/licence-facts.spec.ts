import { describe, expect, it } from 'vitest';
import { type LicenceColumns, licenceFactsOf } from './licence-facts.js';

const row: LicenceColumns = {
  state: 'active',
  startsAt: new Date(1_000),
  expiresAt: new Date(9_000),
  expiresAfterFirstUseSeconds: null,
  firstUsedAt: null,
  grace: [{ mode: 'full', seconds: 5 }],
  trial: true,
};

describe('licenceFactsOf', () => {
  it('takes the columns over, instants as milliseconds', () => {
    expect(licenceFactsOf(row)).toEqual({
      state: 'active',
      startsAtMs: 1_000,
      expiresAtMs: 9_000,
      grace: [{ mode: 'full', seconds: 5 }],
      trial: true,
    });
    expect(licenceFactsOf({ ...row, firstUsedAt: new Date(2_000) })).not.toHaveProperty('firstUse');
    expect(licenceFactsOf({ ...row, expiresAt: null }).expiresAtMs).toBeUndefined();
  });

  it('counts from first use where the licence does, before there was one too', () => {
    const counted = { ...row, expiresAfterFirstUseSeconds: 60 };
    expect(licenceFactsOf(counted).firstUse).toEqual({ seconds: 60, usedAtMs: undefined });
    expect(licenceFactsOf({ ...counted, firstUsedAt: new Date(2_000) }).firstUse).toEqual({
      seconds: 60,
      usedAtMs: 2_000,
    });
    expect(licenceFactsOf({ ...row, expiresAfterFirstUseSeconds: 0 }).firstUse).toEqual({ seconds: 0 });
  });

  it('reads no row that it does not understand', () => {
    for (const odd of [{ state: 'lent' }, { grace: [{ mode: 'all', seconds: 1 }] }, { grace: null }])
      expect(() => licenceFactsOf({ ...row, ...odd })).toThrow();
  });
});
