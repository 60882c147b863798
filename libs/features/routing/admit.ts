import { defaultChannel } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type Decision, type RequestFacts, refusalOf, routeClassOf } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import type { Credentials } from './credentials.js';
import type { Directory } from './directory.js';
import { type AppEntry, type InstallEntry, type LicenceEntry, versionFor } from './entries.js';
import type { Admission, Holder, Pass } from './holder.js';
import type { AppPath } from './parse-path.js';
import { refusalFault } from './refusal-fault.js';
import { decideOnTicket, type Ground, makeTicket, onSameGround, type Ticket } from './ticket.js';

export interface AdmitDeps {
  readonly directory: Directory;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** True when memory could not be held against the store for too long. */
  readonly stale: () => boolean;
}

/** One request at the gate. What is found out on the way is filled in, so that a refusal can be explained too. */
export interface Visitor {
  readonly path: AppPath;
  readonly method: string;
  readonly credential: string | undefined;
  /** Value of `Nm-Install`. */
  readonly installId: string | undefined;
  readonly address: string;
  /** The time of now; when it is asked about again, the time of then. */
  nowMs: number;
  licence?: LicenceEntry;
  /** Set once the licence is known to be good for it. */
  app?: AppEntry;
  ticket?: Ticket;
  request?: RequestFacts;
  decision?: Decision;
}

/**
 * admit is the gate before every KAMA and KTEA. In this order: credential (401), app (the same 404 for missing and for somebody else's), the decision
 * of licence and rules (402, 403, …), install, version, path. Whatever throws here has woken nothing.
 * @returns at once when everything is in memory; else a promise of what was missing: await it and ask again
 * @throws Fault with the code of the first thing that says no; licence_unverifiable when the store cannot be asked
 */
export function admit(deps: AdmitDeps, visitor: Visitor): Admission | Promise<unknown> {
  if (deps.stale()) throw unverifiable();
  const { nowMs } = visitor;
  const holder = deps.credentials.holderOf(visitor.credential, visitor.path.appPath, nowMs);
  if (holder instanceof Promise) return holder;
  const { licence } = holder;
  visitor.licence = licence;
  const { version: directoryVersion } = deps.directory;
  const known = passed(holder, visitor, directoryVersion);
  const ground = known ? undefined : groundOf(deps.directory, visitor, holder);
  if (ground instanceof Promise) return ground;
  const ticket = ground ? ticketOf(holder, ground) : (known as Ticket);
  if (ground && !ground.installFault && ticket.version) holder.pass = passOf(visitor, ticket, directoryVersion);
  visitor.app = ticket.app;
  visitor.ticket = ticket;
  const request = requestFactsOf(visitor);
  visitor.request = request;
  const decision = decideOn(ticket, holder, request, visitor, nowMs);
  if (ground?.installFault) throw ground.installFault;
  const { version } = ticket;
  if (!version) throw visitor.path.selector === undefined ? new Fault('no_published_version') : new Fault('not_found');
  if (visitor.path.encodedSlashes && !version.encodedSlashes) throw new Fault('invalid_path');
  if (version.tenancy === 'install' && !ticket.install && ticket.app.kind === 'kama')
    throw new Fault('install_required');
  const mode = decision.effect === 'allow' && !holder.readOnly ? 'full' : 'read-only';
  return { holder, ticket, decision, request, version, mode };
}

/** passed finds that the same was asked before, and nothing was forgotten since. */
function passed({ pass }: Holder, { path, installId }: Visitor, directoryVersion: number): Ticket | undefined {
  const same =
    pass !== undefined &&
    pass.directoryVersion === directoryVersion &&
    pass.appPath === path.appPath &&
    pass.selector === path.selector &&
    pass.kind === path.kind &&
    pass.installId === installId;
  return same ? pass.ticket : undefined;
}

const passOf = ({ path, installId }: Visitor, ticket: Ticket, directoryVersion: number): Pass => ({
  directoryVersion,
  kind: path.kind,
  appPath: path.appPath,
  selector: path.selector,
  installId,
  ticket,
});

type FoundGround = Ground & { readonly installFault: Fault | undefined };

/** groundOf finds all that the decision looks at. What a caller may only hear after the decision (which installs there are) is kept for then. */
function groundOf(directory: Directory, { path, installId }: Visitor, holder: Holder): FoundGround | Promise<unknown> {
  const { licence } = holder;
  const app = directory.app(path.appPath);
  if (app instanceof Promise) return app;
  if (!app || app.kind !== path.kind) throw new Fault('not_found');
  const home = app.id === licence.appId ? app : directory.app(licence.appPath);
  if (home instanceof Promise) return home;
  if (home === undefined || (home !== app && !home.engines.includes(app.id))) throw new Fault('not_found');
  const installs = directory.installs(licence);
  if (installs instanceof Promise) return installs;
  const selection = directory.selection(app, path.selector ?? defaultChannel);
  if (selection instanceof Promise) return selection;
  const chosen = chooseInstall(installs, holder.installId ?? installId ?? holder.usualInstallId);
  const install = chosen instanceof Fault ? undefined : chosen;
  const installFault = chosen instanceof Fault ? chosen : undefined;
  const version = selection && versionFor(selection, licence.cohort);
  return { licence, app, home, selection, version, install, installFault };
}

/** A caller's requests mostly stand on the same ground as its last one. */
function ticketOf(holder: Holder, { licence, app, home, selection, version, install }: FoundGround): Ticket {
  const ground = { licence, app, home, selection, version, install };
  if (holder.ticket && onSameGround(holder.ticket, ground)) return holder.ticket;
  const ticket = makeTicket(ground);
  holder.ticket = ticket;
  return ticket;
}

/** decideOn asks the rules. @throws Fault when they say no */
function decideOn(ticket: Ticket, holder: Holder, request: RequestFacts, visitor: Visitor, nowMs: number): Decision {
  const decision = decideOnTicket(ticket, request, nowMs);
  visitor.decision = decision;
  const refusal = refusalOf(decision, request) ?? (holder.readOnly ? refusalOf(heldReadOnly, request) : undefined);
  if (refusal !== undefined) throw refusalFault(refusal, decision, ticket);
  return decision;
}

const heldReadOnly = { effect: 'read-only', code: 'licence_grace' } as const;

function requestFactsOf({ path: { rest }, method, address }: Visitor): RequestFacts {
  const query = rest.indexOf('?');
  const path = query < 0 ? rest : rest.slice(0, query);
  return { method, path, routeClass: routeClassOf(method, path), address };
}

/** unverifiable is the answer when nothing is known for sure: no. */
export const unverifiable = (cause?: unknown): Fault =>
  new Fault('licence_unverifiable', { retryAfterSeconds: 2, ...(cause === undefined ? {} : { cause }) });

/** chooseInstall picks the named install, else the only ready one, else none; or gives the fault that says why it cannot. */
function chooseInstall(installs: readonly InstallEntry[], named: string | undefined): InstallEntry | undefined | Fault {
  if (named !== undefined) {
    const install = installs.find(({ id }) => id === named);
    if (!install) return new Fault('not_found');
    return install.state === 'ready' ? install : new Fault('install_not_ready');
  }
  if (installs.length === 0) return undefined;
  const ready = installs.filter(({ state }) => state === 'ready');
  if (ready.length > 1) return new Fault('install_ambiguous', { extra: { installs: ready.map(({ id }) => id) } });
  return ready[0];
}
