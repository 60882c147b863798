import type { Connector, Plan, RequestHead } from '@nm/adapters/proxy';
import {
  type AdmitDeps,
  bearerOf,
  decideOnTicket,
  makeTicket,
  parseClusterPath,
  refusalFault,
  type Ticket,
  unverifiable,
} from '@nm/features/routing';
import { Fault, hasCode } from '@nm/kernel/fault';
import { isSafeMethod, type RequestFacts, refusalOf } from '@nm/kernel/licensing';
import type { ExchangeTag } from './exchange-tag.js';
import type { InstallClaims, InstallTokens } from './install-tokens.js';
import type { RequestContext } from './request-context.js';
import { clusterAnswerFilter, clusterFields, clusterRequestFilter } from './upstream-headers.js';
import { bodyBytesMaxOf, type UsageGate } from './usage-limits.js';

/** A connection to one cluster with the rights of one install. */
export interface ClusterSession extends Connector {
  readonly server: URL;
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
  readonly usage: UsageGate;
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
  // Fields can be read only until the first wait.
  const contentLength = head.header('content-length');
  const fields = clusterFields(head, context);
  const claims = await deps.tokens.verify(bearerOf(head.header('authorization')));
  context.licenceId = claims.sub;
  context.installId = claims.install.id;
  context.clusterId = path.clusterId;
  const request = requestFactsOf(context.method, path.rest, head.remoteAddress);
  const ticket = await admitInstall(deps, request, claims, path.clusterId);
  deps.usage.enter(context, ticket, contentLength);
  const session = await deps.clusters.forInstall(claims.install.id);
  const authorization = await session.authorization();
  const base = session.server.pathname.replace(/\/$/, '');
  return {
    target: { origin: session.server.origin, path: base + path.rest, connector: session },
    requestFilter: clusterRequestFilter,
    addToRequest: authorization === undefined ? fields : `${fields}Authorization: ${authorization}\r\n`,
    answerFilter: clusterAnswerFilter,
    tag: {
      orgId: ticket.licence.orgId,
      licenceId: claims.sub,
      installId: claims.install.id,
      request,
      instanceId: undefined,
      idleSeconds: 0,
    },
    bodyBytesMax: bodyBytesMaxOf(ticket),
    lasts: () => deps.usage.outlast(context),
    addToAnswer: () => `X-Request-Id: ${context.requestId}\r\n`,
    openEnded: /[?&](?:watch|follow)=(?:1|true)(?:&|$)/i.test(path.rest),
  };
}

const heldReadOnly = { effect: 'read-only', code: 'licence_grace' } as const;

function requestFactsOf(method: string, rest: string, address: string): RequestFacts {
  const path = rest.split('?', 1)[0] ?? '';
  return { method, path, routeClass: isSafeMethod(method) ? 'read' : 'mutate', address };
}

/** admitInstall holds the token against what is true now: it may be minutes old. */
async function admitInstall(
  deps: ClusterRouteDeps,
  request: RequestFacts,
  claims: InstallClaims,
  clusterId: string,
): Promise<Ticket> {
  const { stale, directory, clock } = deps.admission;
  if (stale()) throw unverifiable();
  if (claims.install.cluster !== clusterId) throw new Fault('not_found');
  try {
    const licence = await directory.licence(claims.sub);
    const home = licence && (await directory.app(licence.appPath));
    if (!home) throw new Fault('unauthenticated');
    const install = (await directory.installs(licence)).find(({ id }) => id === claims.install.id);
    const ticket = makeTicket({ licence, app: home, home, selection: undefined, version: undefined, install });
    const decision = decideOnTicket(ticket, request, clock.nowMs());
    const held = claims.mode === 'read-only' ? refusalOf(heldReadOnly, request) : undefined;
    const refusal = refusalOf(decision, request) ?? held;
    if (refusal !== undefined) throw refusalFault(refusal, decision, ticket);
    if (install?.clusterId !== clusterId) throw new Fault('not_found');
    if (install.state !== 'ready') throw new Fault('install_not_ready');
    return ticket;
  } catch (error) {
    throw hasCode(error, 'store_unavailable') ? unverifiable(error) : error;
  }
}
