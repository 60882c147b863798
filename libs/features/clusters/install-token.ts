import type { KubeSession, ServiceAccountToken } from '@nm/adapters/k8kat';
import { isKubeStatus } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';

export interface InstallTokenOptions {
  /** Opens the session whose credential may ask for tokens. */
  readonly issuer: () => Promise<KubeSession>;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly clock: Clock;
}

const lifetimeSeconds = 3_600;
/** Renewed in the last tenth of its life, five minutes before its end at the latest. */
const renewBeforeMs = 5 * 60_000;

/** InstallToken holds the current token of one install's ServiceAccount; however many ask, one request renews it. */
export class InstallToken {
  readonly #options: InstallTokenOptions;
  #current: ServiceAccountToken | undefined;
  #renewal: Promise<ServiceAccountToken> | undefined;

  constructor(options: InstallTokenOptions) {
    this.#options = options;
  }

  /** A failed renewal goes unnoticed for as long as the old token is good. @throws Fault cluster_*, install_not_ready */
  async get(): Promise<string> {
    const current = this.#current;
    const leftMs = current ? current.expiresAtMs - this.#options.clock.nowMs() : 0;
    if (current && leftMs > renewBeforeMs) return current.token;
    try {
      return (await this.#renew()).token;
    } catch (error) {
      if (current && leftMs > 0) return current.token;
      throw error;
    }
  }

  /** drop forgets a token that the cluster has refused. */
  drop(): void {
    this.#current = undefined;
  }

  #renew(): Promise<ServiceAccountToken> {
    this.#renewal ??= this.#request().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #request(): Promise<ServiceAccountToken> {
    const { issuer, namespace, serviceAccount } = this.#options;
    try {
      const session = await issuer();
      this.#current = await session.requestToken(namespace, serviceAccount, lifetimeSeconds);
      return this.#current;
    } catch (error) {
      if (isKubeStatus(error, 404))
        throw new Fault('install_not_ready', { internal: `${namespace}/${serviceAccount} is gone`, cause: error });
      throw error;
    }
  }
}
