import type { Plan, RequestHead } from '@nm/adapters/proxy';
import { type AdmitDeps, bearerOf, decideOrThrow, parseClusterPath, unverifiable } from '@nm/features/routing';
import { Fault, hasCode } from '@nm/kernel/fault';
import { isSafeMethod } from '@nm/kernel/licensing';
import type { Dispatcher } from 'undici';
import type { ExchangeTag } from './exchange-tag.js';
import type { InstallClaims, InstallTokens } from './install-tokens.js';
import type { RequestContext } from './request-context.js';
import { answerFilter, clusterFields, clusterRequestFilter } from './upstream-headers.js';

/** A connection to one cluster with the rights of one install. */
export interface ClusterSession {
  readonly server: URL;
  readonly dispatcher: Dispatcher;
  authorization(): Promise<string | undefined>;
}

/** Opens sessions; the credential stays behind it. */
export interface ClusterDialler {
  forInstall(installId: string): Promise<ClusterSession>;
  /** The cluster did not accept the session's token: the next request comes with a new one. */
  refused(installId: string): void;
}

export interface ClusterRouteDeps {
  readonly admission: Omit<AdmitDeps, 'credentials'>;
  readonly tokens: InstallTokens;
  readonly clusters: ClusterDialler;
}

/** planCluster decides on a request for a cluster's API, which comes with an install token and leaves with the install's own rights. @throws Fault */
export async function planCluster(
  deps: ClusterRouteDeps,
  head: RequestHead,
  context: RequestContext,
): Promise<Plan<ExchangeTag>> {
  if (head.upgrade !== undefined) throw new Fault('upgrade_not_supported');
  const path = parseClusterPath(context.target);
  if (!path) throw new Fault('invalid_path');
  const claims = await deps.tokens.verify(bearerOf(head.header('authorization')));
  context.licenceId = claims.sub;
  context.installId = claims.install.id;
  context.clusterId = path.clusterId;
  await admitInstall(deps, context.method, claims, path.clusterId);
  const session = await deps.clusters.forInstall(claims.install.id);
  const authorization = await session.authorization();
  const base = session.server.pathname.replace(/\/$/, '');
  return {
    target: { origin: session.server.origin, path: base + path.rest, dispatcher: session.dispatcher },
    requestFilter: clusterRequestFilter,
    addToRequest: clusterFields(head, context, authorization),
    answerFilter,
    tag: { licenceId: claims.sub, installId: claims.install.id, instanceId: undefined, idleSeconds: 0 },
    addToAnswer: () => `X-Request-Id: ${context.requestId}\r\n`,
    openEnded: /[?&](?:watch|follow)=(?:1|true)(?:&|$)/i.test(path.rest),
  };
}

/** admitInstall holds the token against what is true now: it may be minutes old. */
async function admitInstall(
  deps: ClusterRouteDeps,
  method: string,
  claims: InstallClaims,
  clusterId: string,
): Promise<void> {
  const { stale, directory, clock } = deps.admission;
  if (stale()) throw unverifiable();
  if (claims.install.cluster !== clusterId) throw new Fault('not_found');
  try {
    const licence = await directory.licence(claims.sub);
    if (!licence) throw new Fault('unauthenticated');
    const decision = decideOrThrow(licence, clock.nowMs());
    const readOnly = decision.effect === 'read-only' || claims.mode === 'read-only';
    if (readOnly && !isSafeMethod(method)) throw new Fault('licence_read_only');
    const install = (await directory.installs(licence)).find(({ id }) => id === claims.install.id);
    if (install?.clusterId !== clusterId) throw new Fault('not_found');
    if (install.state !== 'ready') throw new Fault('install_not_ready');
  } catch (error) {
    throw hasCode(error, 'store_unavailable') ? unverifiable(error) : error;
  }
}
