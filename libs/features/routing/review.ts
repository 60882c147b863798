import { Fault, hasCode, isFault } from '@nm/kernel/fault';
import { type RequestFacts, refusalOf } from '@nm/kernel/licensing';
import { type AdmitDeps, unverifiable } from './admit.js';
import { admitCluster, type ClusterPass } from './admit-cluster.js';
import type { LicenceEntry, Selection } from './entries.js';
import { type Holder, ofItsKey } from './holder.js';
import { refusalFault } from './refusal-fault.js';
import { decideOnTicket, makeTicket } from './ticket.js';

/** Whom an open exchange belongs to, and what was asked. */
export interface StreamTag {
  readonly licenceId: string;
  readonly installId: string | undefined;
  /** What the rules were asked about. */
  readonly request: RequestFacts;
  /** What chose the version, so that rules on version and channel are asked again too. */
  readonly selection?: Selection | undefined;
  /** What the credential was found to be that opened it: a key that is replaced and a session that is ended close what they opened. */
  readonly holder?: Holder | undefined;
  /** Set for what goes to a cluster: the token by which it was let in. */
  readonly pass?: ClusterPass | undefined;
}

/**
 * review asks whether an exchange that was let in would still be let in now, by its credential, its licence, its install and the rules of its app.
 * @returns the reason to cut it, or undefined
 */
export async function review(deps: Omit<AdmitDeps, 'credentials'>, tag: StreamTag): Promise<Fault | undefined> {
  if (deps.stale()) return unverifiable();
  try {
    if (tag.pass) {
      await admitCluster(deps, tag.pass, tag.request);
      return undefined;
    }
    const licence = await deps.directory.licence(tag.licenceId);
    if (!licence) return new Fault('licence_revoked');
    if (tag.holder && !(await holdsStill(deps, tag.holder, licence))) return new Fault('unauthenticated');
    return await reviewLicence(deps, tag, licence);
  } catch (error) {
    // The store is away: what was decided holds until the lease ends.
    if (hasCode(error, 'store_unavailable')) return undefined;
    if (isFault(error)) return error;
    throw error;
  }
}

async function holdsStill(
  { directory }: Omit<AdmitDeps, 'credentials'>,
  holder: Holder,
  licence: LicenceEntry,
): Promise<boolean> {
  if (!ofItsKey(holder, licence)) return false;
  return holder.sessionId === undefined || (await directory.session(holder.sessionId))?.ended === false;
}

async function reviewLicence(
  { directory, clock }: Omit<AdmitDeps, 'credentials'>,
  { installId, request, selection }: StreamTag,
  licence: LicenceEntry,
): Promise<Fault | undefined> {
  const home = await directory.app(licence.appPath);
  if (!home) return new Fault('not_found');
  const install =
    installId === undefined ? undefined : (await directory.installs(licence)).find(({ id }) => id === installId);
  if (installId !== undefined && install?.state !== 'ready') return new Fault('not_found');
  const ticket = makeTicket({ licence, app: home, home, selection, version: selection?.version, install });
  const decision = decideOnTicket(ticket, request, clock.nowMs());
  const refusal = refusalOf(decision, request);
  return refusal && refusalFault(refusal, decision, ticket);
}
