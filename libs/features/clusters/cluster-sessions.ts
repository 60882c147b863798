import { KubeSession, type KubeTarget } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';
import { dialTunnel } from './agent/tunnel-dialler.js';
import type { ClusterRow } from './cluster-row.js';
import { openCredential } from './credential.js';
import type { ClusterDeps } from './deps.js';
import { InstallToken } from './install-token.js';
import { StoredToken } from './stored-token.js';

export interface ClusterSessionsOptions extends ClusterDeps {
  /** Sessions kept open at most. */
  readonly sessionsMax?: number;
  /** Seen once per TLS connection to any cluster. */
  readonly onConnect?: () => void;
}

interface Held {
  readonly clusterId: string;
  readonly session: KubeSession;
}

interface Loaded {
  readonly clusterId: string;
  readonly target: KubeTarget;
}

type SessionKind = 'cluster' | 'install';

const sessionsMaxDefault = 500;

/**
 * ClusterSessions opens sealed credentials and keeps one session per cluster and per install, each with its own connections: a client
 * certificate belongs to the connection, so an install must never borrow the cluster's.
 */
export class ClusterSessions {
  readonly #options: ClusterSessionsOptions;
  readonly #held: LRUCache<string, Held>;
  /** Counts invalidations. */
  #epoch = 0;

  constructor(options: ClusterSessionsOptions) {
    this.#options = options;
    this.#held = new LRUCache({
      max: options.sessionsMax ?? sessionsMaxDefault,
      // Requests under way may finish; whoever asks again gets a new session.
      disposeAfter: (held, _key, reason) => {
        if (reason === 'evict') held.session.retire();
      },
    });
  }

  /** forCluster is the registered credential itself: for provisioning and checks, never for what a publisher wrote. @throws Fault not_found, seal_broken */
  forCluster(clusterId: string): Promise<KubeSession> {
    return this.#hold('cluster', clusterId, async () => {
      const row = await this.#options.db.asSystem((tx) => tx.cluster.findUnique({ where: { id: clusterId } }));
      if (!row) throw new Fault('not_found', { internal: `no cluster ${clusterId}` });
      const credential = await openCredential(this.#options.vault, row);
      const target = { ...this.placeOf(row), ...credential };
      if (credential.token === undefined) return { clusterId, target };
      const token = new StoredToken(credential.token, () => this.#readToken(clusterId));
      return { clusterId, target: { ...target, token: () => token.get(), onTokenRefused: () => token.drop() } };
    });
  }

  /**
   * forInstall acts as the install's own ServiceAccount, by tokens of one hour; the cluster enforces what the version's policy grants.
   * @throws Fault not_found, install_not_ready
   */
  forInstall(installId: string): Promise<KubeSession> {
    return this.#hold('install', installId, async () => {
      const install = await this.#options.db.asSystem((tx) =>
        tx.install.findUnique({ where: { id: installId }, include: { cluster: true } }),
      );
      if (!install || install.state === 'removed')
        throw new Fault('not_found', { internal: `no install ${installId}` });
      if (install.state !== 'ready') throw new Fault('install_not_ready', { extra: { state: install.state } });
      const { clusterId, namespace, serviceAccount } = install;
      const token = new InstallToken({
        issuer: () => this.forCluster(clusterId),
        namespace,
        serviceAccount,
        clock: this.#options.clock,
      });
      const target = {
        ...this.placeOf(install.cluster),
        token: () => token.get(),
        onTokenRefused: () => token.drop(),
      };
      return { clusterId, target };
    });
  }

  /** invalidate closes what is held of a cluster (with its installs) or an install, requests under way included. */
  invalidate(kind: SessionKind, id: string): void {
    this.#epoch++;
    for (const [key, held] of this.#held.entries())
      if (key === `${kind}/${id}` || (kind === 'cluster' && held.clusterId === id)) this.#end(key, held);
  }

  /**
   * dropToken takes a new token for an install's next request, after a 401. Its connections and watches stay: the 401 may as well have come from an
   * app behind the API server.
   */
  dropToken(installId: string): void {
    this.#held.peek(`install/${installId}`)?.session.dropToken();
  }

  /** renewCredential makes the cluster's session read the stored token again; what is under way goes on. */
  renewCredential(clusterId: string): void {
    this.#held.peek(`cluster/${clusterId}`)?.session.dropToken();
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(all.map((held) => held.session.close()));
  }

  /** placeOf is where a cluster is and how it is reached, without a credential. */
  placeOf(row: ClusterRow): KubeTarget {
    const isPrivate = row.connection === 'agent';
    return { ...placeOf(row), ...(isPrivate ? { connect: () => dialTunnel(this.#options, row.id) } : {}) };
  }

  async #readToken(clusterId: string): Promise<string> {
    const row = await this.#options.db.asSystem((tx) => tx.cluster.findUnique({ where: { id: clusterId } }));
    if (!row) throw new Fault('not_found', { internal: `no cluster ${clusterId}` });
    return (await openCredential(this.#options.vault, row)).token ?? '';
  }

  #end(key: string, held: Held): void {
    this.#held.delete(key);
    void held.session.close();
  }

  async #hold(kind: SessionKind, id: string, load: () => Promise<Loaded>): Promise<KubeSession> {
    const key = `${kind}/${id}`;
    let loaded: Loaded | undefined;
    for (;;) {
      // Asked again after a load: somebody else may have been faster.
      const known = this.#held.get(key);
      if (known) return known.session;
      if (loaded) break;
      const epoch = this.#epoch;
      loaded = await load();
      // What was read before an invalidation may be what was invalidated.
      if (epoch !== this.#epoch) loaded = undefined;
    }
    const { clusterId, target } = loaded;
    const { policy, clock, onConnect } = this.#options;
    const session = new KubeSession(target, { policy, clock, ...(onConnect ? { onConnect } : {}) });
    this.#held.set(key, { clusterId, session });
    return session;
  }
}

const placeOf = (row: ClusterRow): KubeTarget => ({
  server: row.server,
  ca: row.caData ?? undefined,
  tlsServerName: row.tlsServerName ?? undefined,
  insecure: row.insecure,
});
