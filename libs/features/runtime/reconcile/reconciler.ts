import { reconcileInstance } from './reconcile-instance.js';
import type { ReconcileTools } from './turn.js';

interface Entry {
  /** Aborted to say: something changed, look again. */
  changed: AbortController;
  dirty: boolean;
  running: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** After an error of ours or of the store. Milliseconds. */
const retryMs = 1_000;

/** Reconciler runs reconciliations: keyed, one in flight per instance; whatever happens meanwhile leads to exactly one more pass. */
export class Reconciler {
  readonly #tools: ReconcileTools;
  readonly #entries = new Map<string, Entry>();
  #stopped = false;

  constructor(tools: ReconcileTools) {
    this.#tools = tools;
  }

  /** poke says that something about an instance may have changed. */
  poke(id: string): void {
    if (this.#stopped) return;
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = { changed: new AbortController(), dirty: false, running: undefined, timer: undefined };
      this.#entries.set(id, entry);
    }
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.running) {
      entry.dirty = true;
      entry.changed.abort();
      return;
    }
    entry.running = this.#run(id, entry);
  }

  /** isBusy tells whether a pass over this instance is in flight. */
  isBusy(id: string): boolean {
    return this.#entries.get(id)?.running !== undefined;
  }

  /** stop starts nothing more, ends the waiting, and resolves when no pass is in flight. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const running: Promise<void>[] = [];
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      entry.changed.abort();
      if (entry.running) running.push(entry.running);
    }
    await Promise.all(running);
  }

  async #run(id: string, entry: Entry): Promise<void> {
    let next: number | 'again' | undefined = 'again';
    do {
      entry.dirty = false;
      entry.changed = new AbortController();
      try {
        next = await reconcileInstance(this.#tools, id, entry.changed.signal);
      } catch (error) {
        this.#tools.logger.error({ err: error, instance: id }, 'reconciliation failed');
        next = retryMs;
      }
    } while (!this.#stopped && (entry.dirty || next === 'again'));
    entry.running = undefined;
    if (typeof next === 'number' && !this.#stopped)
      entry.timer = setTimeout(() => this.poke(id), Math.min(next, 2 ** 31 - 1)).unref();
    else this.#entries.delete(id);
  }
}
