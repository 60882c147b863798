import type { RunError, StepStatus } from '@nm/kernel/contracts';
import type { LogChunks } from '../logs/log-book.js';
import type { JournalEntry } from '../run-journal.js';

/** What is to be written of a step's row; what is absent stays as it is. */
export interface StepWrite {
  readonly position: number;
  readonly status?: StepStatus;
  readonly attempt?: number;
  readonly startedAt?: Date;
  readonly output?: unknown;
  readonly error?: RunError;
  /** Characters that its log has grown by. */
  readonly chars?: number;
}

/** DueRecords gathers what is to be written of a run in one statement: each step once, and the story in the order in which it happened. */
export class DueRecords {
  readonly #steps = new Map<number, StepWrite>();
  #entries: JournalEntry[] = [];
  #chars = 0;

  get steps(): readonly StepWrite[] {
    return [...this.#steps.values()];
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Characters that the run's log has grown by. */
  get chars(): number {
    return this.#chars;
  }

  get isEmpty(): boolean {
    return this.#steps.size === 0 && this.#entries.length === 0;
  }

  /** step adds what has become of a step, with its event. */
  step(write: StepWrite, entry?: JournalEntry): void {
    this.#steps.set(write.position, { ...this.#steps.get(write.position), ...write });
    if (entry) this.#entries.push(entry);
  }

  /** log adds chunks of the log. */
  log(entries: readonly JournalEntry[], chars: LogChunks['chars']): void {
    this.#entries.push(...entries);
    for (const [position, count] of chars) {
      this.#chars += count;
      if (position === undefined) continue;
      const known = this.#steps.get(position);
      this.#steps.set(position, { ...known, position, chars: (known?.chars ?? 0) + count });
    }
  }

  /** putBack keeps again what could not be written, before what has come since. */
  putBack({ steps, entries, chars }: DueRecords): void {
    for (const old of steps) {
      const known = this.#steps.get(old.position);
      const sum = (old.chars ?? 0) + (known?.chars ?? 0);
      this.#steps.set(old.position, { ...old, ...known, ...(sum ? { chars: sum } : {}) });
    }
    this.#entries = [...entries, ...this.#entries];
    this.#chars += chars;
  }

  /** take gives what is due, and keeps nothing. */
  take(): DueRecords {
    const taken = new DueRecords();
    for (const write of this.#steps.values()) taken.step(write);
    taken.#entries = this.#entries;
    taken.#chars = this.#chars;
    this.#steps.clear();
    this.#entries = [];
    this.#chars = 0;
    return taken;
  }
}
