import { createEgressAgent, type EgressPolicy } from '@nm/adapters/egress';
import type { KubeSession } from '@nm/adapters/k8kat';
import { httpEngine, type Ktea, type TemplatingEngine } from '@nm/adapters/templating';
import { Fault } from '@nm/kernel/fault';
import type { Agent } from 'undici';
import { clusterEngines } from './cluster-engines.js';

export interface ReachedOptions {
  readonly namespace: string;
  readonly session: KubeSession;
  /** The caller's own credential; it goes to the gateway and nowhere else. */
  readonly token: string;
}

const managedUri = /^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/;

/** EngineDoor reaches engines that run elsewhere; its connections are shared by all requests. */
export class EngineDoor {
  readonly #gatewayUrl: string;
  readonly #outside: Agent;
  readonly #gateway: Agent;

  constructor({
    gatewayUrl,
    egress,
    toGateway,
  }: { gatewayUrl: string; egress: EgressPolicy; toGateway: EgressPolicy }) {
    this.#gatewayUrl = gatewayUrl;
    this.#outside = createEgressAgent(egress);
    this.#gateway = createEgressAgent(toGateway);
  }

  /** reach gives the engines of one request, by type. */
  reach({ namespace, session, token }: ReachedOptions): Readonly<Record<string, TemplatingEngine>> {
    const server = httpEngine({ dispatcher: this.#outside, release: namespace });
    const managed = httpEngine({
      dispatcher: this.#gateway,
      release: namespace,
      token,
      baseOf: (ktea) => this.#managedBase(ktea),
    });
    return { server, managed, ...clusterEngines(session, namespace) };
  }

  /** close ends the connections. */
  async close(): Promise<void> {
    await Promise.all([this.#outside.destroy(), this.#gateway.destroy()]);
  }

  #managedBase({ uri }: Ktea): string {
    if (typeof uri === 'string' && managedUri.test(uri)) return `${this.#gatewayUrl}/ktea/${uri}`;
    throw new Fault('template_failed', {
      public: `The templates of this app failed: "uri" of a managed engine is "<publisher>/<engine>", not "${String(uri)}".`,
    });
  }
}
