import { randomFraction } from '@nm/kernel/ids';
import { backoffMs } from '@nm/kernel/time';
import type { AgentConfig } from './config.js';
import { explainRefusal, Refusal } from './explain-refusal.js';
import { type AgentDeps, openTunnel, type Tunnel } from './open-tunnel.js';

const firstWaitMs = 500;
const waitMsMax = 30_000;
/** A tunnel that stood so long was a good one: the next try comes soon again. */
const steadyMs = 30_000;
/** What is on a tunnel that was replaced may go on for so long. */
const replacedGraceMs = 120_000;

export interface RunningAgent {
  /** Why there is no tunnel; undefined while one stands. */
  readonly trouble: string | undefined;
  readonly streams: number;
  /** Lets what is under way finish, and ends. */
  close(): Promise<void>;
}

/** runAgent keeps a tunnel to NMachine open, for as long as it is not closed. When the token's file changes, a new one stands before the old one goes. */
export function runAgent(config: AgentConfig, deps: AgentDeps): RunningAgent {
  const agent = new Agent(config, deps);
  const loop = agent.run();
  return {
    get trouble() {
      return agent.trouble;
    },
    get streams() {
      return agent.streams;
    },
    close: async () => {
      agent.stop();
      await loop;
    },
  };
}

class Agent {
  trouble: string | undefined = 'not connected yet';
  readonly #config: AgentConfig;
  readonly #deps: AgentDeps;
  readonly #stop = new AbortController();
  /** Tunnels that were replaced and are not over. */
  readonly #leaving = new Set<Promise<void>>();
  #tunnel: Tunnel | undefined;
  #failures = 0;

  constructor(config: AgentConfig, deps: AgentDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  get streams(): number {
    return this.#tunnel?.streams ?? 0;
  }

  stop(): void {
    this.#stop.abort(new Error('stopping'));
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#tunnel ??= await this.#dial();
      if (this.#tunnel) await this.#hold(this.#tunnel);
      else await this.#pause();
    }
    const { drainMs } = this.#config;
    await this.#tunnel?.leave(drainMs);
    await Promise.race([Promise.all(this.#leaving), this.#deps.clock.sleep(drainMs)]);
  }

  async #dial(): Promise<Tunnel | undefined> {
    const { metrics, log, clock } = this.#deps;
    try {
      const tunnel = await openTunnel(this.#config, this.#deps, this.#stop.signal);
      metrics.tried('connected');
      this.trouble = undefined;
      log.info({ url: this.#config.url, replica: this.#config.replica }, 'the tunnel stands');
      return tunnel;
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined;
      metrics.tried(error instanceof Refusal ? 'refused' : 'failed');
      const reason = explainRefusal(error, clock.now().toISOString());
      if (this.#tunnel) log.warn({ reason }, 'the new token opens no tunnel; the old one is kept');
      else this.trouble = reason;
      return undefined;
    }
  }

  /** Until the tunnel has ended, or another has taken its place, or we stop. */
  async #hold(tunnel: Tunnel): Promise<void> {
    const { clock, log } = this.#deps;
    const beganMs = clock.monotonicMs();
    const over = new AbortController();
    const reason = await Promise.race([
      tunnel.ended,
      this.#renew(tunnel, AbortSignal.any([this.#stop.signal, over.signal])),
    ]).finally(() => over.abort());
    if (reason === undefined) return;
    if (clock.monotonicMs() - beganMs > steadyMs) this.#failures = 0;
    this.trouble = reason;
    log.warn({ reason, stoodMs: Math.round(clock.monotonicMs() - beganMs) }, 'the tunnel ended');
    this.#tunnel = undefined;
    await this.#pause();
  }

  /** Looks after both tokens, the cluster's and our own, until the tunnel is replaced (undefined) or the signal aborts. */
  async #renew(tunnel: Tunnel, signal: AbortSignal): Promise<undefined> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(this.#config.lookMs, signal).catch(() => undefined);
      if (signal.aborted) return undefined;
      // A file that is being replaced is read the next time.
      await tunnel.tellToken().catch(() => undefined);
      const token = this.#currentToken();
      if (token === undefined || token === tunnel.token) continue;
      const next = await this.#dial();
      if (!next) continue;
      if (signal.aborted) return void (await next.leave(0));
      log.info({ replica: this.#config.replica }, 'changed over to the new token');
      this.#tunnel = next;
      const gone = tunnel.leave(replacedGraceMs).finally(() => this.#leaving.delete(gone));
      this.#leaving.add(gone);
      return undefined;
    }
    return undefined;
  }

  #currentToken(): string | undefined {
    try {
      return this.#config.token();
    } catch {
      return undefined;
    }
  }

  async #pause(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const attempt = ++this.#failures;
    const waitMs = backoffMs(attempt, firstWaitMs, waitMsMax, randomFraction());
    this.#deps.log.warn({ reason: this.trouble, attempt, waitMs }, 'no tunnel; trying again');
    await this.#deps.clock.sleep(waitMs, this.#stop.signal).catch(() => undefined);
  }
}
