import { type Listener, listen } from '@nm/adapters/db';
import type { Cancellations } from './run-control.js';

interface Watch {
  readonly onCancel: () => void;
  readonly check: () => void;
}

/** RunCancellations hears of requests to cancel (NOTIFY `nm_run_cancel`) and passes them to whoever works on the run. */
export class RunCancellations implements Cancellations {
  readonly #watches = new Map<string, Set<Watch>>();
  readonly #listener: Listener;
  #onOther: (runId: string) => void = () => undefined;

  constructor(options: { readonly url: string; readonly onError: (error: Error) => void }) {
    this.#listener = listen({
      ...options,
      channels: ['nm_run_cancel'],
      onMessage: (_channel, runId) => {
        if (this.#watches.has(runId)) this.#each(runId, (watch) => watch.onCancel());
        else this.#onOther(runId);
      },
      onConnected: () => {
        for (const runId of this.#watches.keys()) this.#each(runId, (watch) => watch.check());
      },
    });
  }

  watch(runId: string, onCancel: () => void, check: () => void): () => void {
    const watch = { onCancel, check };
    const watches = this.#watches.get(runId) ?? new Set();
    this.#watches.set(runId, watches.add(watch));
    return () => {
      watches.delete(watch);
      if (watches.size === 0 && this.#watches.get(runId) === watches) this.#watches.delete(runId);
    };
  }

  /** hearOthers tells of requests to cancel runs that nobody here works on. */
  hearOthers(onOther: (runId: string) => void): void {
    this.#onOther = onOther;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  #each(runId: string, tell: (watch: Watch) => void): void {
    for (const watch of this.#watches.get(runId) ?? []) tell(watch);
  }
}
