import type { Clock } from '@nm/kernel/time';
import type { JournalEntry } from '../run-journal.js';
import type { Mask } from './mask-secrets.js';

const lineCharsMax = 2_000;
/** So much of a step's log, and of a run's, is kept, in characters. */
const stepCharsMax = 256 * 1024;
const runCharsMax = 2 * 1024 * 1024;
/** A chunk is written when it is so long, or so old. */
const chunkCharsMax = 16 * 1024;
const chunkMs = 250;

export interface LogBookOptions {
  readonly clock: Clock;
  readonly mask: Mask;
  /** Characters that are kept already, by earlier claims: of the run, and of steps. */
  readonly kept: { readonly run: number; readonly steps: ReadonlyMap<number, number> };
  /** Writes what is due; its failures are met again by the next record. */
  readonly flush: () => Promise<void>;
}

/** What is due to be written. */
export interface LogChunks {
  readonly entries: readonly JournalEntry[];
  /** What the entries add, by step; the run's own lines have none. */
  readonly chars: ReadonlyMap<number | undefined, number>;
}

interface StepLog {
  chars: number;
  omitted: number;
  cut: boolean;
}

/**
 * LogBook gathers the lines of a run's log into chunks, without secrets, and no more than is kept: what is cut is said. A worker that dies takes the
 * lines of its last quarter of a second with it.
 */
export class LogBook {
  readonly #options: LogBookOptions;
  readonly #steps = new Map<number | undefined, StepLog>();
  #runChars: number;
  #open: { step: number | undefined; lines: string[] }[] = [];
  #openChars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogBookOptions) {
    this.#options = options;
    this.#runChars = options.kept.run;
  }

  /** add takes lines of a step, or of the run itself. */
  add(step: number | undefined, lines: readonly string[]): void {
    for (const line of lines) this.#add(step, line);
    if (this.#openChars >= chunkCharsMax) void this.#flushSoon(0);
    else if (this.#openChars > 0) void this.#flushSoon(chunkMs);
  }

  /** endStep says what was not kept of a step. */
  endStep(step: number): void {
    const log = this.#steps.get(step);
    if (!log?.omitted) return;
    this.#push(step, `(${log.omitted} more lines were not kept)`);
    log.omitted = 0;
  }

  /** take gives what is due; the caller writes it. */
  take(): LogChunks {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const open = this.#open;
    this.#open = [];
    this.#openChars = 0;
    const chars = new Map<number | undefined, number>();
    const entries = open.map(({ step, lines }): JournalEntry => {
      const line = lines.join('\n');
      chars.set(step, (chars.get(step) ?? 0) + line.length);
      return { kind: 'log', data: { ...(step === undefined ? {} : { step }), line } };
    });
    return { entries, chars };
  }

  /** close writes nothing more by itself. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #add(step: number | undefined, text: string): void {
    const line = this.#options.mask(text.slice(0, lineCharsMax));
    const log = this.#stepLog(step);
    const full = log.chars + line.length > stepCharsMax || this.#runChars + line.length > runCharsMax;
    if (!full) {
      log.chars += line.length;
      this.#runChars += line.length;
      this.#push(step, line);
      return;
    }
    log.omitted++;
    if (log.cut) return;
    log.cut = true;
    const whose = this.#runChars + line.length > runCharsMax ? 'a run' : 'a step';
    this.#push(
      step,
      `(the log is cut here: ${stepCharsMax} characters of a step and ${runCharsMax} of a run are kept; ${whose} has said more)`,
    );
  }

  #push(step: number | undefined, line: string): void {
    const last = this.#open.at(-1);
    if (last && last.step === step) last.lines.push(line);
    else this.#open.push({ step, lines: [line] });
    this.#openChars += line.length + 1;
  }

  #stepLog(step: number | undefined): StepLog {
    const known = this.#steps.get(step);
    if (known) return known;
    const log = { chars: (step === undefined ? 0 : this.#options.kept.steps.get(step)) ?? 0, omitted: 0, cut: false };
    this.#steps.set(step, log);
    return log;
  }

  #flushSoon(ms: number): void {
    if (this.#timer && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#options.flush().catch(() => undefined);
    }, ms);
  }
}
