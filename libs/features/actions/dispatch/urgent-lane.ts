import { Fault } from '@nm/kernel/fault';
import { type Advance, advanceRun } from '../engine/advance-run.js';
import type { RunCancellations } from '../engine/run-cancellations.js';
import type { RunEngine } from '../engine/run-engine.js';

export interface UrgentLaneOptions {
  readonly engine: RunEngine;
  readonly cancellations: Pick<RunCancellations, 'hearOthers'>;
  /** Told of each run that was taken up. */
  readonly onAdvanced: (worked: { readonly runId: string; readonly outcome: Advance }) => void;
  readonly onError: (error: unknown) => void;
}

/** So many at the same time; what is more than that goes the way of every run. */
const runsMax = 4;

/**
 * UrgentLane takes up runs beside the worker's slots, which others may hold for long: those that have lost their worker, and those that were waiting in the middle of their work
 * when somebody asked to cancel them, and have something to stop or to undo. Each worker hears of each; the claim decides who does it.
 */
export class UrgentLane {
  readonly #options: UrgentLaneOptions;
  readonly #stop = new AbortController();
  readonly #working = new Map<string, Promise<void>>();

  constructor(options: UrgentLaneOptions) {
    this.#options = options;
    options.cancellations.hearOthers((runId) => this.take(runId));
  }

  /** take takes the run up if there is room for it, and it is not at work here already. */
  take(runId: string): void {
    if (this.#stop.signal.aborted || this.#working.size >= runsMax || this.#working.has(runId)) return;
    const { engine, onAdvanced, onError } = this.#options;
    const working = advanceRun(engine, runId, this.#stop.signal)
      .then((outcome) => onAdvanced({ runId, outcome }), onError)
      .finally(() => this.#working.delete(runId));
    this.#working.set(runId, working);
  }

  /** close gives back what is at work, and takes nothing more. */
  async close(): Promise<void> {
    this.#stop.abort(new Fault('draining'));
    await Promise.all(this.#working.values());
  }
}
