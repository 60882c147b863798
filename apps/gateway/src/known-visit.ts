import type {
  Again,
  Answer,
  FieldFilter,
  FieldSink,
  MaybePromise,
  Outcome,
  Plan,
  RequestHead,
  Target,
  Visit,
} from '@nm/adapters/proxy';
import { endRequest, outlastRequest, secondsToFull, takeRequest } from '@nm/features/limits';
import type { Stretch, Visitor, Way } from '@nm/features/routing';
import type { Fault } from '@nm/kernel/fault';
import { idDigits, RequestId, randomWord } from '@nm/kernel/ids';
import { answerFields } from './answer-fields.js';
import { AppVisit } from './app-route.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { GatewayPolicyDeps } from './gateway-policy-deps.js';
import type { RequestContext } from './request-context.js';
import type { Trace } from './trace.js';
import { appAnswerFilter, appRequestFilterOf } from './upstream-headers.js';

/** Opens a request with all questions asked; with a context one that was let in already. */
export type OpenAnew = (head: RequestHead, context?: RequestContext) => Visit<ExchangeTag | undefined>;

/** A way, and the target on it. */
export interface KnownPath {
  readonly way: Way<ExchangeTag>;
  readonly stretch: Stretch<ExchangeTag>;
}

type MakeAgain = (
  way: Way<ExchangeTag>,
  stretch: Stretch<ExchangeTag>,
  anew: OpenAnew,
) => Again<ExchangeTag | undefined>;

type GatewayPlan = Plan<ExchangeTag | undefined>;

/**
 * KnownVisit is a request on a way that others went before it: visit and plan in one object, which does only what has to be done for each request, such as booking it on its limits. As soon as anything unusual
 * comes up (a refusal, a sample for the log) it makes the context that a request asked everything has, and goes on as that.
 */
export class KnownVisit implements Visit<ExchangeTag | undefined>, GatewayPlan {
  readonly answerFilter = appAnswerFilter;
  readonly requestFilter: FieldFilter;
  readonly #deps: GatewayPolicyDeps;
  readonly #head: RequestHead;
  readonly #way: Way<ExchangeTag>;
  readonly #stretch: Stretch<ExchangeTag>;
  readonly #anew: OpenAnew;
  readonly #makeAgain: MakeAgain;
  readonly #nowMs: number;
  readonly #startedMs: number;
  readonly #requestId: RequestId;
  /** The caller's trace, if it has one. */
  readonly #trace: Trace | undefined;
  /** Set once it is no longer like the others. */
  #context: RequestContext | undefined;
  /** What goes on in its place. */
  #other: Visit<ExchangeTag | undefined> | undefined;
  #booked = false;
  #outlasted = false;
  #answeredMs: number | undefined;

  constructor(
    deps: GatewayPolicyDeps,
    head: RequestHead,
    { way, stretch }: KnownPath,
    nowMs: number,
    anew: OpenAnew,
    makeAgain: MakeAgain,
    trace: Trace | undefined,
  ) {
    this.#deps = deps;
    this.#head = head;
    this.#way = way;
    this.#stretch = stretch;
    this.#anew = anew;
    this.#makeAgain = makeAgain;
    this.#nowMs = nowMs;
    this.#startedMs = deps.clock.monotonicMs();
    this.#requestId = new RequestId(nowMs);
    this.#trace = trace;
    this.requestFilter = appRequestFilterOf(this.#trace);
  }

  get target(): Target {
    return this.#stretch.target;
  }

  get tag(): ExchangeTag {
    return this.#stretch.tag;
  }

  get bodyBytesMax(): number | undefined {
    return this.#way.bodyBytesMax;
  }

  /** plan books the request. One that does not get its booking is asked everything, to be told why. @throws Fault */
  plan(): MaybePromise<GatewayPlan> {
    const { accounts, admission, ready, decided } = this.#way;
    const { app, notes } = this.#deps;
    if (this.#isTooLarge || takeRequest(accounts, this.#startedMs)) {
      this.#other = this.#anew(this.#head);
      return this.#other.plan();
    }
    this.#booked = true;
    app.touches.used(ready.instanceId, admission.version.idleSeconds);
    decided.count++;
    if (notes.wantsAllow()) notes.keepAllowed(this.#explained());
    return this;
  }

  get #isTooLarge(): boolean {
    const { bodyBytesMax } = this;
    return bodyBytesMax !== undefined && Number(this.#head.header('content-length') ?? 0) > bodyBytesMax;
  }

  get requestFields(): Buffer {
    return this.#way.requestFields;
  }

  /** A caller that names its trace sends another head each time. */
  get again(): Again<ExchangeTag | undefined> | undefined {
    return this.#trace ? undefined : this.#makeAgain(this.#way, this.#stretch, this.#anew);
  }

  addToRequest(out: FieldSink): void {
    out.prepared(requestIdName);
    putId(out, this.#requestId);
    out.prepared(ownRequestIdName);
    putId(out, this.#requestId);
    out.prepared(traceName);
    if (this.#trace) {
      out.text(this.#trace.traceparent);
      return void out.prepared(lineEnd);
    }
    out.prepared(traceVersion);
    for (let i = 0; i < 4; i++) out.bits(randomWord(), hexDigits, 8);
    out.prepared(dash);
    for (let i = 0; i < 2; i++) out.bits(randomWord(), hexDigits, 8);
    out.prepared(sampledEnd);
  }

  addToAnswer(out: FieldSink): void {
    const { clock } = this.#deps;
    const atMs = clock.monotonicMs();
    this.#answeredMs = atMs;
    if (this.#context) {
      this.#context.answeredMs = atMs;
      return void out.text(answerFields(this.#context, clock, atMs));
    }
    out.prepared(this.#way.answerFields);
    out.prepared(requestIdName);
    putId(out, this.#requestId);
    const { rate } = this.#way;
    if (rate) {
      const { requests } = rate;
      const left = requests.left(atMs);
      out.prepared(rateName);
      out.number(left);
      out.prepared(rateReset);
      out.number(secondsToFull(left, requests.spec));
    }
    out.prepared(lineEnd);
  }

  lasts(): void {
    if (!this.#outlasted) outlastRequest(this.#way.accounts);
    this.#outlasted = true;
    if (this.#context) this.#context.outlasted = true;
  }

  redial(): Promise<Target> {
    const { admission } = this.#way;
    const context = this.#explained();
    const visit = new AppVisit(this.#deps.app, this.#head, context, context.visitor as Visitor, false, admission);
    visit.target = this.target;
    return visit.redial();
  }

  refuse(fault: Fault): Answer {
    this.#other ??= this.#anew(this.#head, this.#explained());
    return this.#other.refuse(fault);
  }

  finished(outcome: Outcome): void {
    if (this.#other) return void this.#other.finished(outcome);
    const { clock, log } = this.#deps;
    const atMs = clock.monotonicMs();
    if (this.#booked) endRequest(this.#way.accounts, outcome.bytesIn + outcome.bytesOut, atMs, this.#outlasted);
    if (log.counted(outcome, outcome.fault, atMs - this.#startedMs))
      log.write(this.#explained(), outcome, outcome.fault, atMs);
  }

  /** explained makes the context that a request asked everything has. */
  #explained(): RequestContext {
    this.#context ??= this.#makeContext();
    return this.#context;
  }

  #makeContext(): RequestContext {
    const { method, credential, address, admission } = this.#way;
    const { holder, ticket, decision } = admission;
    const { path, raw, tag } = this.#stretch;
    const visitor: Visitor = {
      path,
      method,
      credential,
      installId: undefined,
      address,
      nowMs: this.#nowMs,
      licence: holder.licence,
      app: ticket.app,
      ticket,
      request: tag.request,
      decision,
    };
    return {
      requestId: this.#requestId.text,
      route: path.kind,
      method,
      target: raw,
      nowMs: this.#nowMs,
      startedMs: this.#startedMs,
      timing: false,
      origin: undefined,
      visitor,
      app: path.appPath,
      plannedMs: this.#startedMs,
      outlasted: this.#outlasted,
      ...(this.#trace ? { trace: this.#trace } : {}),
      ...(this.#booked ? { accounts: this.#way.accounts } : {}),
      ...(this.#answeredMs === undefined ? {} : { answeredMs: this.#answeredMs }),
    };
  }
}

const hexDigits = Uint8Array.from(Buffer.from('0123456789abcdef'));
const requestIdName = Buffer.from('X-Request-Id: req_');
const ownRequestIdName = Buffer.from('\r\nNm-Request-Id: req_');
const traceName = Buffer.from('\r\ntraceparent: ');
const traceVersion = Buffer.from('00-');
const dash = Buffer.from('-');
const sampledEnd = Buffer.from('-01\r\n');
const rateName = Buffer.from('\r\nRateLimit: "licence";r=');
const rateReset = Buffer.from(';t=');
const lineEnd = Buffer.from('\r\n');

function putId(out: FieldSink, { timeHigh, timeLow, a, b, c }: RequestId): void {
  out.bits(timeHigh, idDigits, 4);
  out.bits(timeLow, idDigits, 6);
  out.bits(a, idDigits, 6);
  out.bits(b, idDigits, 6);
  out.bits(c, idDigits, 4);
}
