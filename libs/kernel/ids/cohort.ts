import { createHash } from 'node:crypto';

/** How many cohorts there are: one per percent. */
const cohorts = 100;

/**
 * cohortOf puts an id into one of 100 equal cohorts, 0 to 99, for ever the same. A rollout to p percent is for the cohorts below p,
 * so raising p takes nobody's new version away.
 */
export const cohortOf = (id: string): number => createHash('sha256').update(id).digest().readUInt32BE(0) % cohorts;
