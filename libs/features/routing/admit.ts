import { defaultChannel } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type Decision, isSafeMethod, standingOf } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import type { Credentials } from './credentials.js';
import type { Directory } from './directory.js';
import type { AppEntry, InstallEntry, LicenceEntry, VersionEntry } from './entries.js';
import type { KamaPath } from './parse-path.js';

export interface AdmitDeps {
  readonly directory: Directory;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** True when memory could not be held against the store for too long. */
  readonly stale: () => boolean;
}

export interface AdmitRequest {
  readonly path: KamaPath;
  readonly method: string;
  readonly credential: string | undefined;
  /** Value of `Nm-Install`. */
  readonly installId: string | undefined;
}

export interface Admission {
  readonly licence: LicenceEntry;
  readonly decision: Exclude<Decision, { effect: 'deny' }>;
  readonly app: AppEntry;
  readonly version: VersionEntry;
  readonly install: InstallEntry | undefined;
}

/**
 * admit is the gate before every KAMA. In this order: credential (401), app (the same 404 for missing and for somebody else's), licence (403), read-only,
 * install, version. Whatever throws here has woken nothing.
 * @returns at once when everything is in memory; else a promise of what was missing: await it and ask again
 * @throws Fault with the code of the first rule that says no; licence_unverifiable when the store cannot be asked
 */
export function admit(deps: AdmitDeps, request: AdmitRequest): Admission | Promise<unknown> {
  if (deps.stale()) throw unverifiable();
  const licence = deps.credentials.licenceOf(request.credential);
  if (licence instanceof Promise) return licence;
  const app = deps.directory.app(request.path.org, request.path.app);
  if (app instanceof Promise) return app;
  if (!app || app.id !== licence.appId) throw new Fault('not_found');
  const decision = decideOrThrow(licence, deps.clock.nowMs());
  if (decision.effect === 'read-only' && !isSafeMethod(request.method)) throw new Fault('licence_read_only');
  const installs = deps.directory.installs(licence);
  if (installs instanceof Promise) return installs;
  const install = chooseInstall(installs, request.installId);
  const { selector } = request.path;
  const version = deps.directory.version(app, selector ?? defaultChannel);
  if (version instanceof Promise) return version;
  if (!version) throw selector === undefined ? new Fault('no_published_version') : new Fault('not_found');
  if (version.tenancy === 'install' && !install) throw new Fault('install_required');
  return { licence, decision, app, version, install };
}

/** unverifiable is the answer when nothing is known for sure: no. */
export const unverifiable = (cause?: unknown): Fault =>
  new Fault('licence_unverifiable', { retryAfterSeconds: 2, ...(cause === undefined ? {} : { cause }) });

/** decideOrThrow turns a denial into its fault, with the dates that its sentence speaks of. */
export function decideOrThrow(licence: LicenceEntry, nowMs: number): Exclude<Decision, { effect: 'deny' }> {
  const decision = standingOf(licence.facts, nowMs);
  if (decision.effect !== 'deny') return decision;
  const { startsAtMs, expiresAtMs } = licence.facts;
  throw new Fault(decision.code, {
    extra: {
      startsAt: new Date(startsAtMs).toISOString(),
      ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    },
  });
}

/** chooseInstall picks the named install, else the only ready one, else none. @throws Fault not_found, install_not_ready, install_ambiguous */
function chooseInstall(installs: readonly InstallEntry[], named: string | undefined): InstallEntry | undefined {
  if (named !== undefined) {
    const install = installs.find(({ id }) => id === named);
    if (!install) throw new Fault('not_found');
    if (install.state !== 'ready') throw new Fault('install_not_ready');
    return install;
  }
  const ready = installs.filter(({ state }) => state === 'ready');
  if (ready.length > 1) throw new Fault('install_ambiguous', { extra: { installs: ready.map(({ id }) => id) } });
  return ready[0];
}
