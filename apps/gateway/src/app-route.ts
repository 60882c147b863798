import type { FieldFilter, FieldLines, FieldSink, MaybePromise, Plan, RequestHead, Target } from '@nm/adapters/proxy';
import { type CookieForm, readSessionCookie, requireOwnPage } from '@nm/features/access';
import {
  type Activator,
  type Admission,
  type AdmitDeps,
  admit,
  bearerOf,
  type ContextTokens,
  parseAppPath,
  type Ready,
  type SignedContext,
  type Ticket,
  unverifiable,
  type Visitor,
  type WakeTarget,
} from '@nm/features/routing';
import { slotOf } from '@nm/features/runtime';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { answerFields } from './answer-fields.js';
import { isPreflight, preflightFields } from './cors.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { InstanceTouches } from './instance-touches.js';
import type { JobBook } from './job-book.js';
import type { RequestContext } from './request-context.js';
import { appAnswerFilter, appRequestFilterOf, ownAppFields, sharedAppFields } from './upstream-headers.js';
import { bodyBytesMaxOf, type UsageGate } from './usage-limits.js';

export interface AppRouteDeps {
  readonly admission: AdmitDeps;
  readonly activator: Activator;
  readonly tokens: ContextTokens;
  readonly touches: InstanceTouches;
  readonly usage: UsageGate;
  readonly jobs: Pick<JobBook, 'open'>;
  readonly clock: Clock;
  /** How sessions come in cookies; undefined where they would travel in the clear. */
  readonly cookie: CookieForm | undefined;
  /** Origin of our own pages. */
  readonly ownPages: string;
}

/** What an app's plan was made from. */
export interface Found {
  readonly head: RequestHead;
  readonly visitor: Visitor;
  readonly admission: Admission;
  readonly ready: Ready;
  readonly signed: SignedContext;
  /** Fields for the app that all requests have that are alike. */
  readonly shared: FieldLines;
}

/** Look-ups that find something missing, one after the other; a request that needs more is in a storm of changes. */
const lookupsMax = 20;

/** planApp decides on a request for a KAMA or KTEA and, only when it is let in, finds or wakes the instance. @throws Fault */
export function planApp(
  deps: AppRouteDeps,
  head: RequestHead,
  context: RequestContext,
): MaybePromise<Plan<ExchangeTag>> {
  const path = parseAppPath(context.target);
  if (!path) throw new Fault('invalid_path');
  context.app = path.appPath;
  if (isPreflight(context.method, context.origin, head.header('access-control-request-method')))
    return answerPreflight(deps, head, context);
  const bearer = bearerOf(head.header('authorization'));
  const cookie =
    bearer === undefined && deps.cookie ? readSessionCookie(head.header('cookie'), deps.cookie) : undefined;
  const visitor: Visitor = {
    path,
    method: context.method,
    credential: bearer ?? cookie,
    installId: head.header('nm-install'),
    address: head.remoteAddress,
    nowMs: context.nowMs,
  };
  context.visitor = visitor;
  const visit = new AppVisit(deps, head, context, visitor, cookie !== undefined);
  const plan = visit.plan();
  return plan instanceof Promise ? visit.planAfter(plan) : plan;
}

/** answerPreflight @throws Fault always: what is said instead is in the context */
function answerPreflight(deps: AppRouteDeps, head: RequestHead, context: RequestContext): Promise<never> {
  // Fields can be read only until the first wait.
  const asksHeaders = head.header('access-control-request-headers');
  return Promise.resolve(deps.admission.directory.app(context.app ?? '')).then((app) => {
    context.instead = preflightFields(app, context.origin ?? '', asksHeaders);
    throw new Fault('method_not_allowed', { internal: 'a preflight, answered by the gateway' });
  });
}

/** AppVisit is the plan of one request and what it was made from. */
export class AppVisit implements Plan<ExchangeTag> {
  requestFilter: FieldFilter = nothing;
  readonly answerFilter = appAnswerFilter;
  readonly #deps: AppRouteDeps;
  readonly #head: RequestHead;
  readonly #context: RequestContext;
  readonly #visitor: Visitor;
  readonly #byCookie: boolean;
  #admission: Admission | undefined;
  #shared: FieldLines = '';
  #own: FieldLines = '';
  #ready: Ready | undefined;
  #signed: SignedContext | undefined;
  target: Target = { origin: '', path: '' };
  tag: ExchangeTag = nobody;
  bodyBytesMax: number | undefined;
  peek?: NonNullable<Plan<ExchangeTag>['peek']>;

  /** @param admission of a request that was let in already, for `redial` */
  constructor(
    deps: AppRouteDeps,
    head: RequestHead,
    context: RequestContext,
    visitor: Visitor,
    byCookie: boolean,
    admission?: Admission,
  ) {
    this.#deps = deps;
    this.#head = head;
    this.#context = context;
    this.#visitor = visitor;
    this.#byCookie = byCookie;
    this.#admission = admission;
  }

  /** plan goes through all steps as far as memory allows; it gives itself, or a promise of what was missing. @throws Fault */
  plan(): this | Promise<unknown> {
    const { activator, tokens, touches, usage, clock } = this.#deps;
    const admission = this.#decide();
    if (admission instanceof Promise) return admission;
    const { ticket, version, request } = admission;
    if (this.#byCookie) this.#requireOwnPage(ticket.app.corsOrigins);
    const atMs = clock.monotonicMs();
    usage.enter(this.#context, ticket, this.#head.header('content-length'), atMs);
    const signed = tokens.tokenFor(admission, this.#visitor.nowMs);
    if (signed instanceof Promise) return signed;
    const ready = activator.ready(this.#wakeTarget(admission), this.#leaves);
    // Seconds may pass: what was allowed now must be allowed still when the instance is there, so everything is asked again.
    if (ready instanceof Promise) return ready.then(({ waitedMs }) => this.#waited(waitedMs));
    touches.used(ready.instanceId, version.idleSeconds);
    this.#ready = ready;
    this.#signed = signed;
    this.target = this.#targetOf(ready);
    this.#shared = sharedAppFields(this.#head, this.#visitor.path.prefix, signed.text);
    this.#own = ownAppFields(this.#head, this.#context);
    this.requestFilter = appRequestFilterOf(this.#context.trace);
    this.bodyBytesMax = bodyBytesMaxOf(ticket);
    this.tag = {
      orgId: ticket.licence.orgId,
      licenceId: ticket.licence.id,
      installId: ticket.install?.id,
      selection: ticket.selection,
      holder: admission.holder,
      request,
      instanceId: ready.instanceId,
      idleSeconds: version.idleSeconds,
    };
    this.#context.plannedMs = atMs;
    if (request?.routeClass === 'mutate' && request.method !== 'GET' && request.method !== 'HEAD')
      this.#watchForJob(admission);
    return this;
  }

  /** A KAMA that carries actions out itself answers with a job, which is followed as a run of the install. */
  #watchForJob({ ticket: { licence, install } }: Admission): void {
    if (!install || this.#context.route !== 'kama') return;
    const { method, path } = this.#visitor;
    const place = { orgId: licence.orgId, licenceId: licence.id, installId: install.id };
    const job = this.#deps.jobs.open({ ...place, request: `${method} ${path.rest.split('?', 1)[0]}` });
    this.#context.job = job;
    this.peek = job.peek;
  }

  /** found is what the plan was made from, once it is made. */
  get found(): Found | undefined {
    const admission = this.#admission;
    if (!admission || !this.#ready || !this.#signed || this.#byCookie) return undefined;
    return {
      head: this.#head,
      visitor: this.#visitor,
      admission,
      ready: this.#ready,
      signed: this.#signed,
      shared: this.#shared,
    };
  }

  /** planAfter waits for what is missing and tries again, until nothing is. */
  async planAfter(missing: Promise<unknown>): Promise<this> {
    let waiting = missing;
    for (let i = 0; i < lookupsMax; i++) {
      await orUnverifiable(waiting);
      this.#visitor.nowMs = this.#deps.clock.nowMs();
      const plan = this.plan();
      if (!(plan instanceof Promise)) return plan;
      waiting = plan;
    }
    throw unverifiable();
  }

  lasts(): void {
    this.#deps.usage.outlast(this.#context);
  }

  addToRequest(out: FieldSink): void {
    out.text(this.#shared);
    out.text(this.#own);
  }

  addToAnswer(out: FieldSink): void {
    const atMs = this.#deps.clock.monotonicMs();
    this.#context.answeredMs = atMs;
    out.text(answerFields(this.#context, this.#deps.clock, atMs));
  }

  async redial(): Promise<Target> {
    const admission = this.#admission;
    if (!admission) throw unverifiable();
    const again = await this.#deps.activator.redial(this.#wakeTarget(admission), this.target.origin, this.#leaves);
    this.#waited(again.waitedMs);
    for (let i = 0; ; i++) {
      this.#visitor.nowMs = this.#deps.clock.nowMs();
      const decided = this.#decide();
      if (!(decided instanceof Promise)) return this.#targetOf(again);
      if (i >= lookupsMax) throw unverifiable();
      await orUnverifiable(decided);
    }
  }

  #decide(): Admission | Promise<unknown> {
    const admission = admit(this.#deps.admission, this.#visitor);
    if (!(admission instanceof Promise)) this.#admission = admission;
    return admission;
  }

  /** A browser sends the cookie along whoever asks it to. @throws Fault csrf_refused */
  #requireOwnPage(corsOrigins: readonly string[]): void {
    const { method, origin } = this.#context;
    const fetchSite = this.#head.header('sec-fetch-site');
    const csrf = this.#head.header('nm-csrf');
    const upgrade = this.#head.upgrade !== undefined;
    requireOwnPage({ method, upgrade, origin, fetchSite, csrf }, [this.#deps.ownPages, ...corsOrigins]);
  }

  #waited(waitedMs: number | undefined): void {
    if (waitedMs !== undefined) this.#context.wakeMs = (this.#context.wakeMs ?? 0) + waitedMs;
  }

  #targetOf({ origin }: Ready): Target {
    return { origin, path: this.#visitor.path.rest };
  }

  readonly #leaves = (): AbortSignal => this.#head.leaves();

  #wakeTarget({ ticket, version }: Admission): WakeTarget {
    if (ticket.wake) return ticket.wake;
    const installId = version.tenancy === 'install' ? ticket.install?.id : undefined;
    ticket.wake = {
      orgId: ticket.app.orgId,
      appId: ticket.app.id,
      versionId: version.id,
      ...(installId === undefined ? {} : { installId }),
      slot: slotOf(version.id, installId),
      startSeconds: version.startSeconds,
      bookStart: startOf(this.#deps.usage, ticket),
    };
    return ticket.wake;
  }
}

/** A function of its own: one that is made in a visit holds the visit, with its whole request, as long as the ticket lasts. */
const startOf = (usage: UsageGate, ticket: Ticket) => (): void => usage.bookStart(ticket);

/** Until the plan is made. */
const nothing: FieldFilter = { names: [], prefixes: [] };

/** Nobody's exchange: what a plan that is not finished is tagged with. */
const nobody: ExchangeTag = {
  orgId: '',
  licenceId: '',
  installId: undefined,
  request: { method: '', path: '', routeClass: 'read', address: '' },
  instanceId: undefined,
  idleSeconds: 0,
};

/** orUnverifiable waits; when the store cannot be asked, nothing is known for sure. */
async function orUnverifiable(pending: Promise<unknown>): Promise<void> {
  try {
    await pending;
  } catch (error) {
    throw hasCode(error, 'store_unavailable') ? unverifiable(error) : error;
  }
}
