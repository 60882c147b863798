import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';
import { EngineDoor } from '../engines/reached-engines.js';
import { apiCalls } from './call-api.js';
import type { Caller } from './caller.js';
import { documentsOf } from './hosted-documents.js';
import { runsOf } from './hosted-runs.js';
import type { InstallAccess } from './install-access.js';
import { clusterReader } from './read-cluster.js';
import { openKamafile } from './read-kamafile.js';

/** The address is the operator's own (NM_GATEWAY_URL), never a tenant's. */
const toGateway = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });
/** Connections are kept for so many callers, as long as their tokens can live. */
const sessionsMax = 1_000;
const tokenMsMax = 5 * 60_000;

/** HostedInstalls reaches installs as NMachine lets a hosted KAMA: clusters through its proxy, runs through its API, both with the caller's own token. */
export class HostedInstalls {
  readonly #urls: { readonly gatewayUrl: string; readonly apiUrl: string };
  readonly #engines: EngineDoor;
  readonly #kept = new LRUCache<string, KubeSession>({
    max: sessionsMax,
    ttl: tokenMsMax,
    dispose: (session) => void session.close(),
  });

  constructor(urls: { readonly gatewayUrl: string; readonly apiUrl: string; readonly egress: EgressPolicy }) {
    this.#urls = urls;
    this.#engines = new EngineDoor({ gatewayUrl: urls.gatewayUrl, egress: urls.egress, toGateway });
  }

  /** open gives access to the install of a request. @throws Fault install_required */
  open({ token, claims }: Caller, signal: AbortSignal): InstallAccess {
    const { install } = claims;
    if (!install)
      throw new Fault('install_required', {
        public: 'No cluster is connected: register one and create an install first.',
      });
    const session = this.#session(install.cluster, token);
    const call = apiCalls(this.#urls.apiUrl, token, signal);
    return {
      id: install.id,
      namespace: install.namespace,
      mayWrite: claims.mode === 'full',
      kamafile: openKamafile(session, install.namespace, signal),
      cluster: clusterReader(session, install.namespace),
      runs: runsOf(call),
      documents: documentsOf(call),
      engines: this.#engines.reach({ namespace: install.namespace, session, token }),
    };
  }

  /** close ends all connections. */
  async close(): Promise<void> {
    this.#kept.clear();
    await this.#engines.close();
  }

  /** By token, so that nobody ever acts with another caller's right. */
  #session(cluster: string, token: string): KubeSession {
    const known = this.#kept.get(token);
    if (known) return known;
    const server = `${this.#urls.gatewayUrl}/clusters/${cluster}/proxy`;
    const session = new KubeSession({ server, token }, { policy: toGateway });
    this.#kept.set(token, session);
    return session;
  }
}
