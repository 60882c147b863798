import { Fault, hasCode } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { ClaimedRun } from './claim-run.js';
import type { RunLedger } from './run-ledger.js';

/** Cancellations tells who watches a run that somebody asked to cancel it. */
export interface Cancellations {
  /** @param check called when a message may have been missed: ask the database */
  watch(runId: string, onCancel: () => void, check: () => void): () => void;
}

export interface ControlOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly cancellations: Cancellations;
  /** Aborts when the worker must stop. */
  readonly stop: AbortSignal;
}

/** Milliseconds at most until a cancel, a lost lease or a dead database is noticed without a message. */
const heartbeatMsMax = 5_000;

/**
 * RunControl watches over the work on one run: it renews the lease, and ends the work by its signal when the run is cancelled, out of
 * time, lost to another worker, or when this worker has to stop. The signal's reason is a Fault that says which.
 */
export class RunControl {
  readonly #ledger: RunLedger;
  readonly #controller = new AbortController();
  readonly #cleanup: (() => void)[] = [];
  readonly #cancellable: boolean;
  /** Aborts when the worker must stop. */
  readonly stop: AbortSignal;
  #beating: Promise<void> | undefined;

  constructor(options: ControlOptions, ledger: RunLedger, run: ClaimedRun) {
    this.#ledger = ledger;
    this.stop = options.stop;
    // Undoing is what a cancel asks for; it is not cancelled itself.
    this.#cancellable = run.ending === undefined;
    if (run.cancelRequested && this.#cancellable) this.#end(new Fault('run_cancelled'));
    const deadline = setTimeout(() => this.#end(new Fault('run_timeout')), Math.max(0, run.remainingMs));
    const beat = setInterval(() => this.check(), Math.min(heartbeatMsMax, options.leaseMs / 5));
    const unwatch = options.cancellations.watch(
      run.id,
      () => this.#cancel(),
      () => this.check(),
    );
    const onStop = () => this.#end(new Fault('draining', { internal: 'the worker stops' }));
    if (options.stop.aborted) onStop();
    options.stop.addEventListener('abort', onStop, { once: true });
    this.#cleanup.push(
      () => clearTimeout(deadline),
      () => clearInterval(beat),
      unwatch,
      () => options.stop.removeEventListener('abort', onStop),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * guard stands before every write to a cluster: a worker that was stopped for a while must not write after somebody else may have taken
   * over. @throws the signal's reason; Fault run_lost
   */
  guard(): void {
    if (!this.#ledger.held) this.#end(new Fault('run_lost', { internal: 'the lease ran out' }));
    this.signal.throwIfAborted();
  }

  /** check renews the lease and looks for a request to cancel, now. */
  check(): void {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
  }

  async close(): Promise<void> {
    for (const clean of this.#cleanup.splice(0)) clean();
    await this.#beating;
  }

  async #beat(): Promise<void> {
    try {
      const { cancelRequested } = await this.#ledger.renew();
      if (cancelRequested) this.#cancel();
    } catch (error) {
      // A database that is away for a moment is no reason to stop; a lease that ran out meanwhile is.
      if (hasCode(error, 'run_lost') || !this.#ledger.held) this.#end(new Fault('run_lost', { cause: error }));
    }
  }

  #cancel(): void {
    if (this.#cancellable) this.#end(new Fault('run_cancelled'));
  }

  #end(reason: Fault): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
  }
}
