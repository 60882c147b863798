import type { Change } from '@nm/adapters/db';
import type { Engine } from '@nm/adapters/proxy';
import { type AdmitDeps, review } from '@nm/features/routing';
import type { ExchangeTag } from './exchange-tag.js';

/**
 * StreamGuard looks again at every exchange that is open: at once when a change names its licence, install or cluster, and every second for what no
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
      case 'cluster':
      case 'app':
        return this.sweep(() => true);
      default:
        return undefined;
    }
  }

  /** sweep reviews once per licence and install. */
  async sweep(which: (tag: ExchangeTag) => boolean = () => true): Promise<void> {
    const tags = new Map<string, ExchangeTag>();
    for (const { tag } of this.#engine.open)
      if (tag && which(tag)) tags.set(`${tag.licenceId}|${tag.installId ?? ''}`, tag);
    await Promise.all(
      [...tags.values()].map(async (tag) => {
        const reason = await review(this.#deps, tag);
        if (!reason) return;
        this.#engine.cut(
          reason,
          (open) => open.tag?.licenceId === tag.licenceId && open.tag.installId === tag.installId,
        );
      }),
    );
  }
}
