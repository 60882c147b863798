import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import { type AdmitDeps, decideOrThrow, unverifiable } from './admit.js';

/** Whom an open stream belongs to. */
export interface StreamTag {
  readonly licenceId: string;
  readonly installId: string | undefined;
}

/**
 * review asks whether a stream that was let in would still be let in now.
 * @returns the reason to cut it, or undefined
 */
export async function review(deps: Omit<AdmitDeps, 'credentials'>, tag: StreamTag): Promise<Fault | undefined> {
  if (deps.stale()) return unverifiable();
  try {
    const licence = await deps.directory.licence(tag.licenceId);
    if (!licence) return new Fault('licence_revoked');
    decideOrThrow(licence, deps.clock.nowMs());
    if (tag.installId === undefined) return undefined;
    const install = (await deps.directory.installs(licence)).find(({ id }) => id === tag.installId);
    return install?.state === 'ready' ? undefined : new Fault('not_found');
  } catch (error) {
    // The store is away: what was decided holds until the lease ends.
    if (hasCode(error, 'store_unavailable')) return undefined;
    if (isFault(error)) return error;
    throw error;
  }
}
