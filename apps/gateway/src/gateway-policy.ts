import type { Answer, MaybePromise, Outcome, Plan, Policy, RequestHead, Visit } from '@nm/adapters/proxy';
import { endRequest } from '@nm/features/limits';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import type { AccessLog } from './access-log.js';
import { answerFields } from './answer-fields.js';
import { type AppRouteDeps, planApp } from './app-route.js';
import { type ClusterRouteDeps, planCluster } from './cluster-route.js';
import type { DecisionNotes } from './decision-notes.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { planOwn } from './own-route.js';
import { problemAnswer } from './problem-answer.js';
import { openContext, type RequestContext } from './request-context.js';
import type { RequestSpans } from './request-spans.js';
import { statusAnswer } from './status-answer.js';

export interface GatewayPolicyDeps {
  readonly app: AppRouteDeps;
  readonly cluster: ClusterRouteDeps;
  /** Where Nest answers the gateway's own routes: `http://host:port`. */
  readonly ownOrigin: string;
  readonly notes: DecisionNotes;
  readonly log: AccessLog;
  readonly metrics: GatewayMetrics;
  /** Set when spans are exported. */
  readonly spans: RequestSpans | undefined;
  readonly clock: Clock;
}

/** GatewayPolicy decides on each request that the engine brings: what it is, whether it may pass, and where it goes. */
export class GatewayPolicy implements Policy<ExchangeTag | undefined> {
  readonly #deps: GatewayPolicyDeps;

  constructor(deps: GatewayPolicyDeps) {
    this.#deps = deps;
  }

  open(head: RequestHead): Visit<ExchangeTag | undefined> {
    return new GatewayVisit(this.#deps, head);
  }

  refuse(fault: Fault): Answer {
    this.#deps.metrics.decided(fault.code);
    return problemAnswer(fault, newId('request'));
  }

  tenantOf(tag: ExchangeTag | undefined): string {
    return tag?.orgId ?? '';
  }
}

/** GatewayVisit takes one request from its head to its log line. */
class GatewayVisit implements Visit<ExchangeTag | undefined> {
  readonly #deps: GatewayPolicyDeps;
  readonly #head: RequestHead;
  readonly #context: RequestContext;

  constructor(deps: GatewayPolicyDeps, head: RequestHead) {
    this.#deps = deps;
    this.#head = head;
    this.#context = openContext(deps.clock, head);
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
    this.#deps.metrics.decided(this.#context.visitor?.decision?.code ?? 'allowed');
    this.#deps.notes.allowed(this.#context);
    return plan;
  }

  refuse(fault: Fault): Answer {
    const { instead, requestId } = this.#context;
    if (instead !== undefined)
      return { status: 204, fields: `X-Request-Id: ${requestId}\r\n${instead}`, body: nothing };
    this.#deps.metrics.decided(fault.code);
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
    // What was said instead of a refusal is none.
    const fault = instead === undefined ? outcome.fault : undefined;
    this.#deps.log.write(this.#context, outcome, fault, atMs);
  }
}

const nothing = Buffer.alloc(0);
