import type { Answer, MaybePromise, Outcome, Plan, Policy, RequestHead, Visit } from '@nm/adapters/proxy';
import { endRequest } from '@nm/features/limits';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { answerFields } from './answer-fields.js';
import { AppVisit, planApp } from './app-route.js';
import { planCluster } from './cluster-route.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { GatewayPolicyDeps } from './gateway-policy-deps.js';
import { KnownWays } from './known-ways.js';
import { planOwn } from './own-route.js';
import { problemAnswer } from './problem-answer.js';
import { openContext, type RequestContext } from './request-context.js';
import { statusAnswer } from './status-answer.js';

/** GatewayPolicy decides on each request that the engine brings: what it is, whether it may pass, and where it goes. */
export class GatewayPolicy implements Policy<ExchangeTag | undefined> {
  readonly #deps: GatewayPolicyDeps;
  readonly #ways: KnownWays;

  constructor(deps: GatewayPolicyDeps) {
    this.#deps = deps;
    this.#ways = new KnownWays(deps);
  }

  open(head: RequestHead): Visit<ExchangeTag | undefined> {
    return this.#ways.visit(head, this.#anew) ?? this.#anew(head);
  }

  /** For a request that went a known way until something unusual came up. */
  readonly #anew = (head: RequestHead, context?: RequestContext): GatewayVisit =>
    new GatewayVisit(this.#deps, this.#ways, head, context);

  refuse(fault: Fault): Answer {
    this.#deps.metrics.decided(fault.code).count++;
    return problemAnswer(fault, newId('request'));
  }

  tenantOf(tag: ExchangeTag | undefined): string {
    return tag?.orgId ?? '';
  }
}

/** GatewayVisit takes one request from its head to its log line. */
class GatewayVisit implements Visit<ExchangeTag | undefined> {
  readonly #deps: GatewayPolicyDeps;
  readonly #ways: KnownWays;
  readonly #head: RequestHead;
  readonly #context: RequestContext;

  /** @param context of a request that was opened already */
  constructor(deps: GatewayPolicyDeps, ways: KnownWays, head: RequestHead, context?: RequestContext) {
    this.#deps = deps;
    this.#ways = ways;
    this.#head = head;
    this.#context = context ?? openContext(deps.clock, head);
    if (context) return;
    if (deps.spans && this.#context.route !== 'own') this.#context.trace = deps.spans.begin(head);
  }

  plan(): MaybePromise<Plan<ExchangeTag | undefined>> {
    const plan = this.#route();
    if (plan instanceof Promise) return plan.then((settled) => this.#allowed(settled));
    return this.#allowed(plan);
  }

  #route(): MaybePromise<Plan<ExchangeTag | undefined>> {
    if (this.#context.method === 'TRACE') throw new Fault('method_not_allowed');
    switch (this.#context.route) {
      case 'kama':
      case 'ktea':
        return planApp(this.#deps.app, this.#head, this.#context);
      case 'cluster':
        return planCluster(this.#deps.cluster, this.#head, this.#context);
      default:
        return planOwn(this.#deps.ownOrigin, this.#head);
    }
  }

  #allowed(plan: Plan<ExchangeTag | undefined>): Plan<ExchangeTag | undefined> {
    if (this.#context.route === 'own') return plan;
    this.#deps.metrics.decided(this.#context.visitor?.decision?.code ?? 'allowed').count++;
    this.#deps.notes.allowed(this.#context);
    if (plan instanceof AppVisit && plan.found) this.#ways.note(plan.found, this.#context);
    return plan;
  }

  refuse(fault: Fault): Answer {
    const { instead, requestId } = this.#context;
    if (instead !== undefined)
      return { status: 204, fields: `X-Request-Id: ${requestId}\r\n${instead}`, body: nothing };
    this.#deps.metrics.decided(fault.code).count++;
    this.#deps.notes.refused(this.#context, fault);
    // Who speaks to a cluster's API expects its words.
    if (this.#context.route === 'cluster') return statusAnswer(fault, requestId);
    return problemAnswer(fault, requestId, answerFields(this.#context, this.#deps.clock));
  }

  finished(outcome: Outcome): void {
    const { route, installId, accounts, outlasted, instead } = this.#context;
    const atMs = this.#deps.clock.monotonicMs();
    this.#context.over = true;
    if (accounts) endRequest(accounts, outcome.bytesIn + outcome.bytesOut, atMs, outlasted);
    if (route === 'own') return;
    if (route === 'cluster' && outcome.status === 401 && !outcome.fault && installId !== undefined)
      this.#deps.cluster.clusters.refused(installId);
    this.#deps.spans?.end(this.#context, outcome);
    this.#context.call?.ended(outcome.status, outcome.fault?.code);
    this.#context.job?.ended(outcome.status);
    // What was said instead of a refusal is none.
    const fault = instead === undefined ? outcome.fault : undefined;
    if (this.#deps.log.counted(outcome, fault, atMs - this.#context.startedMs))
      this.#deps.log.write(this.#context, outcome, fault, atMs);
  }
}

const nothing = Buffer.alloc(0);
