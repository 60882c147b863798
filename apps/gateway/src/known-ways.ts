import type { Again, RequestHead } from '@nm/adapters/proxy';
import { keepWay, parseAppPath, type Stretch, type Way } from '@nm/features/routing';
import { nextStandingMs, readsPath, routeClassOf } from '@nm/kernel/licensing';
import { rateAccountOf, sharedAnswerFields } from './answer-fields.js';
import type { Found } from './app-route.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { GatewayPolicyDeps } from './gateway-policy-deps.js';
import { type KnownPath, KnownVisit, type OpenAnew } from './known-visit.js';
import type { RequestContext } from './request-context.js';
import { type Trace, traceOf } from './trace.js';
import { bodyBytesMaxOf } from './usage-limits.js';

type AppWay = Way<ExchangeTag>;

const bearerPrefix = 'Bearer ';
/** Fields with which a request asks for more than a way holds: it is planned from the beginning. */
const unusual = ['cookie', 'origin', 'nm-install', 'nm-server-timing'];

/** KnownWays lets requests that are like one before them go the same way, while what was found out then holds. */
export class KnownWays {
  readonly #deps: GatewayPolicyDeps;

  constructor(deps: GatewayPolicyDeps) {
    this.#deps = deps;
  }

  /** visit opens a request of a kind that was let in before; undefined: it has to be asked everything. */
  visit(head: RequestHead, anew: OpenAnew): KnownVisit | undefined {
    const { app, spans, clock } = this.#deps;
    const authorization = head.header('authorization');
    if (spans || authorization === undefined || !authorization.startsWith(bearerPrefix) || isUnusual(head))
      return undefined;
    const holder = app.admission.credentials.recall(authorization.slice(bearerPrefix.length));
    if (!holder || holder.ways.length === 0 || app.admission.stale()) return undefined;
    const nowMs = clock.nowMs();
    const way = this.#find(holder.ways as readonly AppWay[], head, nowMs);
    if (!way) return undefined;
    const trace = head.header('traceparent') === undefined ? undefined : traceOf(head);
    return this.#visitOn({ way, stretch: way.last }, head, nowMs, anew, trace);
  }

  #visitOn(path: KnownPath, head: RequestHead, nowMs: number, anew: OpenAnew, trace: Trace | undefined): KnownVisit {
    return new KnownVisit(this.#deps, head, path, nowMs, anew, this.#againOf, trace);
  }

  /** What is to be done for a request with the same head: nothing but what may have changed meanwhile is asked. */
  readonly #againOf = (way: AppWay, stretch: AppWay['last'], anew: OpenAnew): Again<ExchangeTag | undefined> => {
    const path = { way, stretch };
    const { app, clock } = this.#deps;
    const { credentials, stale } = app.admission;
    const { clearings } = credentials;
    return {
      open: (head) => {
        if (credentials.clearings !== clearings || stale()) return undefined;
        const nowMs = clock.nowMs();
        if (!this.#holds(way, nowMs) || head.remoteAddress !== way.address || head.scheme !== way.scheme)
          return undefined;
        return this.#visitOn(path, head, nowMs, anew, undefined);
      },
    };
  };

  #find(ways: readonly AppWay[], head: RequestHead, nowMs: number): AppWay | undefined {
    for (const way of ways) {
      if (!this.#holds(way, nowMs) || !isFrom(way, head)) continue;
      if (way.last.raw === head.target || (head.target.startsWith(way.prefix) && extend(way, head.target))) return way;
    }
    return undefined;
  }

  /** Nothing that the way follows from can have changed. */
  #holds({ directoryVersion, keysVersion, fromMs, untilMs }: AppWay, nowMs: number): boolean {
    const { admission, tokens } = this.#deps.app;
    return (
      directoryVersion === admission.directory.version &&
      keysVersion === tokens.keysVersion &&
      nowMs >= fromMs &&
      nowMs < untilMs
    );
  }

  /** note keeps the way of a request that was planned, where others may go it too. */
  note({ head, visitor, admission, ready, signed, shared }: Found, context: RequestContext): void {
    const { path, installId, credential, request } = visitor;
    const { holder, decision, ticket } = admission;
    const { app, clock, metrics, spans } = this.#deps;
    const { firstUse } = ticket.licence.facts;
    const once =
      isUnusual(head) ||
      installId !== undefined ||
      path.encodedSlashes ||
      context.wakeMs !== undefined ||
      context.job ||
      spans;
    const unused = firstUse !== undefined && firstUse.usedAtMs === undefined;
    if (once || unused || !request || credential === undefined) return;
    const { nowMs } = visitor;
    const { prepared } = ticket;
    const way: AppWay = {
      method: context.method,
      routeClass: request.routeClass,
      prefix: path.prefix,
      onlyPath: readsPath(prepared) ? request.path : undefined,
      address: head.remoteAddress,
      scheme: head.scheme,
      host: head.header('host'),
      directoryVersion: app.admission.directory.version,
      keysVersion: signed.keysVersion,
      fromMs: nowMs,
      untilMs: Math.min(
        decision.validUntilMs,
        nextStandingMs(prepared.timeline, nowMs),
        signed.untilMs,
        holder.untilMs,
      ),
      credential,
      admission,
      ready,
      requestFields: Buffer.from(shared, 'latin1'),
      answerFields: Buffer.from(sharedAnswerFields(visitor, undefined, clock), 'latin1'),
      accounts: ticket.accounts ?? [],
      rate: rateAccountOf(ticket),
      bodyBytesMax: bodyBytesMaxOf(ticket),
      decided: metrics.decided(decision.code),
      last: stretchOf(context.target, path, admission, ready, request),
    };
    holder.ways = keepWay(holder.ways as readonly AppWay[], way);
  }
}

function isUnusual(head: RequestHead): boolean {
  if (head.upgrade !== undefined) return true;
  for (const name of unusual) if (head.header(name) !== undefined) return true;
  return false;
}

const isFrom = ({ method, address, scheme, host }: AppWay, head: RequestHead): boolean =>
  head.method === method && head.remoteAddress === address && head.scheme === scheme && head.header('host') === host;

/** extend tells whether another target is on the way too, and remembers it. */
function extend(way: AppWay, target: string): boolean {
  const path = parseAppPath(target);
  if (!path || path.prefix !== way.prefix || path.encodedSlashes) return false;
  const query = path.rest.indexOf('?');
  const inside = query < 0 ? path.rest : path.rest.slice(0, query);
  if (way.onlyPath !== undefined && way.onlyPath !== inside) return false;
  const routeClass = routeClassOf(way.method, inside);
  if (routeClass !== way.routeClass) return false;
  const { method, address } = way;
  way.last = stretchOf(target, path, way.admission, way.ready, { method, path: inside, routeClass, address });
  return true;
}

function stretchOf(
  raw: string,
  path: Stretch<ExchangeTag>['path'],
  { ticket, version, holder }: Found['admission'],
  ready: Found['ready'],
  request: ExchangeTag['request'],
): Stretch<ExchangeTag> {
  const tag = {
    orgId: ticket.licence.orgId,
    licenceId: ticket.licence.id,
    installId: ticket.install?.id,
    selection: ticket.selection,
    holder,
    request,
    instanceId: ready.instanceId,
    idleSeconds: version.idleSeconds,
  };
  return { raw, path, target: { origin: ready.origin, path: path.rest }, tag };
}
