import { GraceSteps, LicenceState } from '@nm/kernel/contracts';
import type { LicenceFacts } from './facts.js';

/** The columns of a licence that decide. */
export interface LicenceColumns {
  readonly state: string;
  readonly startsAt: Date;
  readonly expiresAt: Date | null;
  readonly expiresAfterFirstUseSeconds: number | null;
  readonly firstUsedAt: Date | null;
  readonly grace: unknown;
  readonly trial: boolean;
}

/** licenceFactsOf is what a decision looks at. */
export const licenceFactsOf = (row: LicenceColumns): LicenceFacts => ({
  state: LicenceState.parse(row.state),
  startsAtMs: row.startsAt.getTime(),
  expiresAtMs: row.expiresAt?.getTime(),
  grace: GraceSteps.parse(row.grace),
  trial: row.trial,
  ...(row.expiresAfterFirstUseSeconds === null
    ? {}
    : { firstUse: { seconds: row.expiresAfterFirstUseSeconds, usedAtMs: row.firstUsedAt?.getTime() } }),
});
