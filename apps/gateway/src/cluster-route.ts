import type { Connector, Plan, RequestHead } from '@nm/adapters/proxy';
import type { CallRecorder, OpenCall } from '@nm/features/cluster-access';
import {
  type AdmitDeps,
  admitCluster,
  bearerOf,
  type KubeCall,
  kubeCallOf,
  parseClusterPath,
  type Ticket,
  unverifiable,
} from '@nm/features/routing';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { RequestFacts } from '@nm/kernel/licensing';
import { createdName } from './created-name.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { Caller, InstallTokens } from './install-tokens.js';
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
  readonly calls: CallRecorder;
}

/** Answers without a natural end, beside connections: watches, and logs that are followed. */
const follows = /[?&]follow=(?:1|t|true)(?:&|$)/i;
/** Identities that a client may ask an API server for; those in `Impersonate-Extra-*` count only beside one of these. */
const impersonation = ['impersonate-user', 'impersonate-group', 'impersonate-uid'];

/**
 * planCluster decides on a request for a cluster's API, which comes with a token of one install and leaves with the install's own rights. Nothing of it is
 * rewritten: what the install may do there the cluster itself decides. @throws Fault
 */
export async function planCluster(
  deps: ClusterRouteDeps,
  head: RequestHead,
  context: RequestContext,
): Promise<Plan<ExchangeTag>> {
  const path = parseClusterPath(context.target);
  if (!path) throw new Fault('invalid_path');
  // Fields can be read only until the first wait.
  const contentLength = head.header('content-length');
  const fields = clusterFields(head, context);
  const impersonates = impersonation.some((name) => head.header(name) !== undefined);
  const call = kubeCallOf(context.method, path.rest, head.upgrade !== undefined);
  const caller = await deps.tokens.verify(bearerOf(head.header('authorization')));
  const { pass } = caller;
  context.licenceId = pass.licenceId;
  context.installId = pass.installId;
  context.clusterId = path.clusterId;
  if (pass.clusterId !== path.clusterId) throw new Fault('not_found');
  const request = requestFactsOf(context.method, path.rest, call, head.remoteAddress);
  const ticket = await orUnverifiable(admitCluster(deps.admission, pass, request));
  if (impersonates) throw new Fault('impersonation_refused');
  const name = call.routeClass === 'mutate' ? await nameOf(deps, caller) : '';
  deps.usage.enter(context, ticket, contentLength, deps.admission.clock.monotonicMs());
  // From here on the end of the request is told to `context`, so what is opened is ended too.
  if (call.routeClass === 'mutate') context.call = openCall(deps, ticket, { ...caller, name }, call, context.requestId);
  const session = await deps.clusters.forInstall(pass.installId);
  const authorization = await session.authorization();
  const base = session.server.pathname.replace(/\/$/, '');
  const reader = call.verb === 'create' && call.name === undefined ? nameReader(context.call) : {};
  return {
    target: { origin: session.server.origin, path: base + path.rest, connector: session },
    requestFilter: clusterRequestFilter,
    addToRequest: (out) =>
      out.text(authorization === undefined ? fields : `${fields}Authorization: ${authorization}\r\n`),
    answerFilter: clusterAnswerFilter,
    tag: {
      orgId: ticket.licence.orgId,
      licenceId: pass.licenceId,
      installId: pass.installId,
      request,
      pass,
      // A KAMA that watches its cluster is not in use for that.
      instanceId: undefined,
      idleSeconds: 0,
    },
    bodyBytesMax: bodyBytesMaxOf(ticket),
    lasts: () => deps.usage.outlast(context),
    addToAnswer: (out) => out.text(`X-Request-Id: ${context.requestId}\r\n`),
    openEnded:
      call.verb === 'watch' || call.verb === 'connect' || head.upgrade !== undefined || follows.test(path.rest),
    ...reader,
  };
}

/** The name of what was created is in the answer, not in the path. */
function nameReader(call: OpenCall | undefined): Pick<Plan<ExchangeTag>, 'peek'> {
  if (!call) return {};
  let seen = false;
  return {
    peek: (bytes, start, end) => {
      if (seen) return;
      seen = true;
      call.named(createdName(bytes, start, end));
    },
  };
}

/** A token is called as its holder named it. */
async function nameOf({ admission }: ClusterRouteDeps, { pass, name }: Caller): Promise<string> {
  const row = pass.tokenId === undefined ? undefined : await admission.directory.installToken(pass.tokenId);
  return name ?? row?.name ?? '';
}

function openCall(
  { calls }: ClusterRouteDeps,
  { licence }: Ticket,
  { pass, kind, id, name = '' }: Caller,
  call: KubeCall,
  requestId: string,
): OpenCall {
  const { installId } = pass;
  return calls.open({
    ...{ orgId: licence.orgId, licenceId: licence.id, installId, requestId },
    actor: { kind, id, name },
    call,
  });
}

const requestFactsOf = (method: string, rest: string, { routeClass }: KubeCall, address: string): RequestFacts => ({
  method,
  path: rest.split('?', 1)[0] ?? '',
  routeClass,
  address,
});

async function orUnverifiable<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw hasCode(error, 'store_unavailable') ? unverifiable(error) : error;
  }
}
