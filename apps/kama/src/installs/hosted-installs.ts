import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';
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
  readonly #kept = new LRUCache<string, KubeSession>({
    max: sessionsMax,
    ttl: tokenMsMax,
    dispose: (session) => void session.close(),
  });

  constructor(urls: { readonly gatewayUrl: string; readonly apiUrl: string }) {
    this.#urls = urls;
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
    };
  }

  /** close ends all connections. */
  close(): void {
    this.#kept.clear();
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
