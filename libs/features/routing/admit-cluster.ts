import { Fault } from '@nm/kernel/fault';
import { type Decision, type RequestFacts, refusalOf } from '@nm/kernel/licensing';
import { type AdmitDeps, unverifiable } from './admit.js';
import type { AppEntry, InstallEntry, LicenceEntry } from './entries.js';
import { refusalFault } from './refusal-fault.js';
import { decideOnTicket, makeTicket, type Ticket } from './ticket.js';

/** ClusterPass is what a verified token of the cluster proxy says; nothing of it is believed for longer than until the next look. */
export interface ClusterPass {
  readonly clusterId: string;
  readonly licenceId: string;
  readonly installId: string;
  readonly mode: 'full' | 'read-only';
  readonly untilMs: number;
  /** Row of the token; absent for the short-lived token of one request's context. */
  readonly tokenId: string | undefined;
  readonly instanceId: string | undefined;
}

type Deps = Omit<AdmitDeps, 'credentials'>;

/**
 * admitCluster holds a pass against what is true now: token, licence and rules, install, and the licensee's own switch. Open streams are asked again.
 * @param request its `routeClass` is trusted: `read` and `validate` change nothing, whatever the method
 * @throws Fault with the first thing that says no; store_unavailable when that cannot be known
 */
export async function admitCluster(deps: Deps, pass: ClusterPass, request: RequestFacts): Promise<Ticket> {
  const { directory, clock } = deps;
  if (deps.stale()) throw unverifiable();
  const nowMs = clock.nowMs();
  if (pass.untilMs <= nowMs) throw new Fault('token_expired');
  const licence = await directory.licence(pass.licenceId);
  const home = licence && (await directory.app(licence.appPath));
  if (!home) throw new Fault('unauthenticated');
  await requireToken(deps, pass);
  const install = (await directory.installs(licence)).find(({ id }) => id === pass.installId);
  const ticket = requireLicence(licence, home, install, pass, request, nowMs);
  if (install?.clusterId !== pass.clusterId) throw new Fault('not_found');
  if (install.state !== 'ready') throw new Fault('install_not_ready');
  if (!install.clusterAccess) throw new Fault('cluster_access_off');
  return ticket;
}

async function requireToken({ directory }: Deps, { tokenId, installId, licenceId }: ClusterPass): Promise<void> {
  if (tokenId === undefined) return;
  const token = await directory.installToken(tokenId);
  if (token?.installId !== installId || token.licenceId !== licenceId)
    throw new Fault('unauthenticated', { internal: `no token ${tokenId} of that install` });
  if (!token.good) throw new Fault('token_revoked');
}

function requireLicence(
  licence: LicenceEntry,
  home: AppEntry,
  install: InstallEntry | undefined,
  pass: ClusterPass,
  request: RequestFacts,
  nowMs: number,
): Ticket {
  const ground = { app: home, home, selection: undefined, version: undefined, install };
  const asked = { ...request, method: changes(request) ? request.method : 'GET' };
  const ticket = makeTicket({ ...ground, licence });
  const decision = decideOnTicket(ticket, request, nowMs);
  if (keepsReading(licence, decision)) {
    // Everything else that could say no is asked as if the licence were in force.
    const inForce = makeTicket({ ...ground, licence: { ...licence, facts: { ...licence.facts, state: 'active' } } });
    const other = decideOnTicket(inForce, request, nowMs);
    if (other.effect === 'deny') throw refusalFault(other.code, other, ticket);
    if (changes(request)) throw new Fault('licence_suspended', { public: suspendedText });
    return ticket;
  }
  const refusal = refusalOf(decision, asked);
  if (refusal !== undefined) throw refusalFault(refusal, decision, ticket);
  if (pass.mode === 'read-only' && changes(request))
    throw new Fault('licence_read_only', { public: 'This token allows reading only.' });
  return ticket;
}

const suspendedText =
  'This licence is suspended, and until it is resumed its clusters may only be read. Ask the publisher of the app why.';

const changes = ({ routeClass }: RequestFacts): boolean => routeClass !== 'read' && routeClass !== 'validate';

const keepsReading = ({ suspendedAccess }: LicenceEntry, { code }: Decision): boolean =>
  code === 'licence_suspended' && suspendedAccess === 'read-only';
