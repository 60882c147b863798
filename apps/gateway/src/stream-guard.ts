import type { Change } from '@nm/adapters/db';
import type { Engine, OpenExchange } from '@nm/adapters/proxy';
import { type AdmitDeps, review } from '@nm/features/routing';
import type { ExchangeTag } from './exchange-tag.js';

type Open = OpenExchange<ExchangeTag | undefined>;

/**
 * StreamGuard looks again at every exchange that is open: at once when a change names its licence, session, install or cluster, and every second for what no
 * change announces (an expiry, a store that is away). What would not be let in now is cut.
 */
export class StreamGuard {
  readonly #engine: Engine<ExchangeTag | undefined>;
  readonly #deps: Omit<AdmitDeps, 'credentials'>;

  constructor(engine: Engine<ExchangeTag | undefined>, deps: Omit<AdmitDeps, 'credentials'>) {
    this.#engine = engine;
    this.#deps = deps;
  }

  /** start sweeps every `everyMs`; the timer alone keeps no process alive. */
  start(everyMs: number, onError: (error: unknown) => void): void {
    setInterval(() => void this.sweep().catch(onError), everyMs).unref();
  }

  /** onChange reviews what the change may have touched. */
  async onChange(change: Change): Promise<void> {
    switch (change.kind) {
      case 'licence':
        return this.sweep((tag) => tag.licenceId === change.id);
      case 'install':
        return this.sweep((tag) => tag.installId === change.id);
      case 'session':
        return this.sweep((tag) => tag.holder?.sessionId === change.id);
      case 'install_token':
        return this.sweep((tag) => tag.pass?.tokenId === change.id);
      case 'instance':
        return this.sweep((tag) => tag.pass?.instanceId === change.id);
      case 'cluster':
      case 'app':
      case 'rules':
        return this.sweep((tag) => tag.orgId === change.orgId);
      default:
        return undefined;
    }
  }

  /** sweep reviews each request that is open, those that are alike once. */
  async sweep(which: (tag: ExchangeTag) => boolean = () => true): Promise<void> {
    const alike = new Map<string, Open[]>();
    for (const exchange of this.#engine.open) {
      const { tag } = exchange;
      if (!tag || !which(tag)) continue;
      const { licenceId, installId, request, pass, holder } = tag;
      const whose = pass
        ? `${pass.tokenId} ${pass.clusterId} ${pass.mode} ${pass.untilMs}`
        : `${holder?.sessionId} ${holder?.licence.keyLookup}`;
      const key = `${licenceId} ${installId} ${whose} ${request.address} ${request.method} ${request.path} ${request.routeClass}`;
      const group = alike.get(key);
      if (group) group.push(exchange);
      else alike.set(key, [exchange]);
    }
    await Promise.all(Array.from(alike.values(), (group) => this.#review(group)));
  }

  async #review(group: readonly Open[]): Promise<void> {
    const tag = group[0]?.tag;
    const reason = tag && (await review(this.#deps, tag));
    if (reason) for (const exchange of group) exchange.cut(reason, 'now');
  }
}
