import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Plan, type ProxyEngine, type TunnelOutcome } from '@nm/adapters/proxy';
import { Fault, toFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { AccessLog } from './access-log.js';
import { answerProblem, responseOn } from './answer-problem.js';
import { type ClusterRouteDeps, planCluster } from './cluster-route.js';
import type { ExchangeTag } from './exchange-tag.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { type KamaRouteDeps, planKama } from './kama-route.js';
import { openContext, type RequestContext } from './request-context.js';

export interface DataPlaneDeps {
  readonly engine: ProxyEngine<ExchangeTag>;
  readonly kama: KamaRouteDeps;
  readonly cluster: ClusterRouteDeps;
  readonly log: AccessLog;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
}

const clustersPrefix = '/clusters/';

/** DataPlane takes a request from its first byte to its log line: plan (decide, wake), forward, answer what failed. */
export class DataPlane {
  readonly #deps: DataPlaneDeps;
  #draining = false;

  constructor(deps: DataPlaneDeps) {
    this.#deps = deps;
  }

  beginDrain(): void {
    this.#draining = true;
    this.#deps.engine.beginDrain();
  }

  /** handle answers one request; it never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const context = this.#context(request);
    try {
      const plan = await this.#plan(request, context, response);
      const outcome = await this.#deps.engine.forward(request, response, plan);
      if (outcome.fault && outcome.status === 0 && !outcome.clientGone)
        return this.#refuse(request, response, context, outcome.fault);
      if (context.route === 'cluster' && outcome.status === 401 && context.installId !== undefined)
        this.#deps.cluster.clusters.refused(context.installId);
      this.#deps.log.write(request, context, outcome);
    } catch (error) {
      this.#refuse(request, response, context, toFault(error));
    }
  }

  /** handleUpgrade carries a tunnel, or answers like `handle`; it never rejects. */
  async handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const context = this.#context(request);
    try {
      if (context.route === 'cluster') throw new Fault('upgrade_not_supported');
      const plan = await this.#plan(request, context, socket);
      const outcome = await this.#deps.engine.tunnel(request, socket, head, plan);
      if (outcome.fault && outcome.status === 0) throw outcome.fault;
      this.#deps.log.write(request, context, this.#afterTunnel(request, socket, plan, outcome));
    } catch (error) {
      this.#refuse(request, responseOn(request, socket), context, toFault(error));
    }
  }

  #context(request: IncomingMessage): RequestContext {
    return openContext(this.#deps.clock, request.url?.startsWith(clustersPrefix) ? 'cluster' : 'kama');
  }

  async #plan(request: IncomingMessage, context: RequestContext, client: Duplex | ServerResponse) {
    if (request.method === 'TRACE') throw new Fault('method_not_allowed');
    const plan = await (context.route === 'cluster'
      ? planCluster(this.#deps.cluster, request, context)
      : planKama(this.#deps.kama, request, context, () => abortOnClose(client)));
    this.#deps.metrics.decided('allowed');
    return plan;
  }

  /** A KAMA that does not switch protocols answers; its status and fields go on, as the end of this connection. */
  #afterTunnel(request: IncomingMessage, socket: Duplex, plan: Plan<ExchangeTag>, outcome: TunnelOutcome) {
    if (!outcome.refusal) return outcome;
    const { status, headers } = outcome.refusal;
    const response = responseOn(request, socket);
    response.writeHead(status, [...headers, ...plan.addToAnswer(), 'Content-Length', '0']).end();
    return { ...outcome, status };
  }

  #refuse(request: IncomingMessage, response: ServerResponse, context: RequestContext, fault: Fault): void {
    this.#deps.metrics.decided(fault.code);
    const clientGone = response.destroyed || request.socket.destroyed;
    if (!clientGone) answerProblem(request, response, fault, context.requestId, this.#draining);
    this.#deps.log.write(request, context, { status: fault.status, fault, clientGone });
  }
}

function abortOnClose(client: Duplex | ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(new Fault('upstream_reset', { internal: 'the client left while it waited' }));
  if (client.destroyed) abort();
  else client.once('close', abort);
  return controller.signal;
}
