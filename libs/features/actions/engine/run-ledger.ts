import type { Db, Tx } from '@nm/adapters/db';
import type { RunError, StepStatus } from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { lendInstall } from '../child-run.js';
import { type RunEnd, writeEnd } from '../end-run.js';
import { lockInstall } from '../install-lock.js';
import { LogBook } from '../logs/log-book.js';
import { type Mask, maskDeep, maskOf } from '../logs/mask-secrets.js';
import { lookSoon } from '../offline-runs.js';
import { announceRun, type JournalEntry, writeJournal } from '../run-journal.js';
import type { RunWaits } from '../steps/run-waits.js';
import type { ClaimedRun, Taken } from './claim-run.js';
import { DueRecords, type StepWrite } from './due-records.js';
import { endStatement, type RunRecords, type SlotTakes, writeStatement } from './ledger-statements.js';

export interface LedgerOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly leaseMs: number;
}

/** What is written of a step. */
export interface StepRecord {
  readonly position: number;
  readonly title: string;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly output?: unknown;
  readonly error?: RunError | undefined;
}

/** NextRun is how the slot that ends a run takes another with it. */
export interface NextRun extends SlotTakes {
  /** Asked when the run ends. */
  readonly wanted: () => boolean;
  /** @param askedMs when it was asked for, by the monotonic clock */
  readonly onTaken: (taken: Taken, askedMs: number) => void;
}

/** The beginning of a step that only looks is written on its own when it has not ended after so long. */
const lookMsMax = 10;

/**
 * RunLedger writes a claimed run's progress. Each write checks the fence in its own transaction and renews the lease; once somebody
 * else has claimed the run, every write fails with `run_lost` and leaves nothing. Writes go one after the other; what comes meanwhile goes together.
 */
export class RunLedger {
  readonly #options: LedgerOptions;
  readonly #run: ClaimedRun;
  readonly #mask: Mask;
  readonly #book: LogBook;
  readonly #due = new DueRecords();
  #last: Promise<unknown> = Promise.resolve();
  #heldMs: number;
  #later: NodeJS.Timeout | undefined;

  /** @param claimedMs when the claim was asked for, by the monotonic clock */
  constructor(options: LedgerOptions, run: ClaimedRun, claimedMs: number) {
    this.#options = options;
    this.#run = run;
    this.#heldMs = claimedMs;
    this.#mask = maskOf(run.plan);
    this.#book = new LogBook({
      clock: options.clock,
      mask: this.#mask,
      kept: { run: run.logChars, steps: new Map(run.steps.map(({ position, logChars }) => [position, logChars])) },
      flush: () => this.flush(),
    });
  }

  /** held is true while nobody else can have claimed the run: since the last proof less time has gone by than the lease lasts. */
  get held(): boolean {
    return this.#options.clock.monotonicMs() - this.#heldMs < this.#options.leaseMs;
  }

  /** renew keeps the lease; says whether somebody has asked to cancel. @throws Fault run_lost, store_unavailable */
  renew(): Promise<{ cancelRequested: boolean }> {
    return this.#inTurn(() => this.#write(new DueRecords()));
  }

  /** record writes a step's new state and its event. @throws Fault run_lost, store_unavailable */
  record(record: StepRecord): Promise<void> {
    this.#stage(record);
    return this.#writeDue();
  }

  /**
   * recordSoon writes a step's new state with the next record, which mostly comes at once: that the next step begins, or that the run ends. Only for
   * what has no effect behind it; when nothing comes, it is written on its own.
   */
  recordSoon(record: StepRecord): void {
    this.#stage(record);
    setImmediate(() => void this.#writeDue().catch(() => undefined));
  }

  /**
   * recordLater writes a step's new state with the next record, as that which came of it, or on its own a moment later. Only for steps that have no effect:
   * whoever finds such a step may begin it again.
   */
  recordLater(record: StepRecord): void {
    this.#stage(record);
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      void this.#writeDue().catch(() => undefined);
    }, lookMsMax);
  }

  /** note keeps what a step must know if it has to be done again. @throws Fault run_lost, store_unavailable */
  note(position: number, output: unknown): Promise<void> {
    this.#due.step({ position, output: maskDeep(output, this.#mask) });
    return this.#writeDue();
  }

  /** within writes something else of the run under its fence. @throws Fault run_lost, store_unavailable */
  within<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#fenced(async (tx) => {
      await this.#take(tx);
      return work(tx);
    });
  }

  /** log adds lines to the story; they are written in chunks, with the next record at the latest. */
  log(step: number | undefined, ...lines: string[]): void {
    this.#book.add(step, lines);
  }

  /** flush writes what waits to be written. @throws Fault run_lost, store_unavailable */
  flush(): Promise<void> {
    this.#stageLog();
    return this.#writeDue();
  }

  /** close writes nothing more by itself. */
  close(): void {
    clearTimeout(this.#later);
    this.#book.close();
  }

  /**
   * beginUndo writes down how the run will end, and gives the undoing a time of its own: a crash goes on with undoing, never with the plan.
   * @throws Fault run_lost, store_unavailable
   */
  async beginUndo(found: RunEnd, undoMsMax: number): Promise<void> {
    const { id, fence } = this.#run;
    const ending = { ...found, error: found.error && this.#withoutSecrets(found.error) };
    await this.flush();
    return this.#fenced(async (tx) => {
      const count = await tx.$executeRaw`
        UPDATE run SET ending = ${JSON.stringify(ending)}::jsonb, deadline_at = clock_timestamp() + ${undoMsMax} * interval '1 ms'
         WHERE id = ${id} AND fence = ${fence} AND status = 'running'`;
      if (count === 0) throw lost();
    });
  }

  /**
   * wait gives the run back until something outside happens; its deadline begins anew then, unless the wait is a part of its work. A child that it waits for
   * may begin now.
   * @returns false when somebody has asked to cancel it: then it does not wait
   * @throws Fault run_lost, store_unavailable
   */
  async wait({ until, forWhat, run, reason, keepsDeadline }: Omit<RunWaits, keyof Error>): Promise<boolean> {
    const { id, fence, installId, clusterId } = this.#run;
    await this.flush();
    return this.#fenced(async (tx) => {
      await lockInstall(tx, installId);
      // Whoever cancels a run that is at work leaves it to its worker.
      const [cancelled] = await tx.$queryRaw<object[]>`
        SELECT 1 FROM run WHERE id = ${id} AND fence = ${fence} AND cancel_requested_at IS NOT NULL AND ending IS NULL`;
      if (cancelled) return false;
      const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
        UPDATE run SET status = 'waiting', waits_for = ${forWhat}, waits_reason = ${reason}, waits_run = ${run ?? null},
               waits_since = clock_timestamp(), lease_until = NULL, worker = NULL, next_seq = next_seq + 1,
               waits_until = CASE WHEN ${keepsDeadline} THEN LEAST(${until}::timestamptz, deadline_at) ELSE ${until}::timestamptz END,
               deadline_at = CASE WHEN ${keepsDeadline} THEN deadline_at END,
               offline_until = CASE WHEN ${reason} = 'cluster_offline' THEN ${until}::timestamptz ELSE offline_until END
         WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - 1 AS "firstSeq"`;
      const now = this.#options.clock.now();
      await writeJournal(tx, this.#run, firstOf(rows), now, [{ kind: 'status', data: { status: 'waiting', reason } }]);
      if (reason === 'cluster_offline') await lookSoon(tx, [clusterId]);
      if (run !== undefined) await lendInstall(tx, this.#run, run);
      return true;
    });
  }

  /**
   * finish ends the run. @param next this slot takes another run with the end: nobody else needs to be asked
   * @throws Fault run_lost, store_unavailable
   */
  async finish(found: RunEnd, next?: NextRun): Promise<void> {
    const { status } = found;
    const error = found.error && this.#withoutSecrets(found.error);
    if (status === 'positive' && !error && (await this.#finishWell(next))) return;
    await this.flush();
    const { id, installId, fence } = this.#run;
    return this.#fenced(async (tx) => {
      await lockInstall(tx, installId);
      const at = this.#options.clock.now();
      await writeEnd(tx, this.#run, { status, error }, at, async (count) => {
        const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
          UPDATE run SET status = ${status}, error = ${error ? JSON.stringify(error) : null}::jsonb, finished_at = ${at},
                 lease_until = NULL, next_seq = next_seq + ${count}
           WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - ${count} AS "firstSeq"`;
        return firstOf(rows);
      });
    });
  }

  /** release gives an unfinished run back: its lease ends now, and another worker is asked to go on. @throws Fault run_lost, store_unavailable */
  async release(): Promise<void> {
    const { id, fence } = this.#run;
    await this.flush();
    return this.#fenced(async (tx) => {
      const count = await tx.$executeRaw`
        UPDATE run SET lease_until = clock_timestamp() WHERE id = ${id} AND fence = ${fence} AND status = 'running'`;
      if (count === 0) throw lost();
      await announceRun(tx, this.#run);
    });
  }

  #withoutSecrets(error: RunError): RunError {
    return { ...error, reason: this.#mask(error.reason) };
  }

  #stage({ position, title, status, attempt, output, error: found }: StepRecord): void {
    const error = found && this.#withoutSecrets(found);
    if (status !== 'running') this.#book.endStep(position);
    this.#stageLog();
    const write: StepWrite = {
      ...{ position, status, attempt, ...(status === 'running' ? { startedAt: this.#options.clock.now() } : {}) },
      ...(output === undefined ? {} : { output: maskDeep(output, this.#mask) }),
      ...(error ? { error } : {}),
    };
    const data = { step: position, title, status, attempt, ...(error ? { error } : {}) };
    this.#due.step(write, { kind: 'step', data });
  }

  #stageLog(): void {
    const { entries, chars } = this.#book.take();
    this.#due.log(entries, chars);
  }

  /** What is due may have gone with an earlier write. What could not be written stays due: the next write tries again, or says why not. */
  #writeDue(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#due.isEmpty) return;
      const due = this.#due.take();
      try {
        await this.#write(due);
      } catch (error) {
        this.#due.putBack(due);
        throw error;
      }
    });
  }

  async #write(due: DueRecords): Promise<{ cancelRequested: boolean }> {
    const { db, clock, leaseMs } = this.#options;
    const askedMs = clock.monotonicMs();
    const written = await db.together(writeStatement, { ...this.#recordsOf(due), leaseMs });
    if (!written) throw lost();
    this.#heldMs = askedMs;
    return written;
  }

  /** The usual end in one statement, with the last records; false when there is more to do than that does. */
  #finishWell(next: NextRun | undefined): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#stageLog();
      const { db, clock, leaseMs } = this.#options;
      const { installId } = this.#run;
      const records = this.#recordsOf(this.#due);
      const entries: JournalEntry[] = [...records.entries, { kind: 'status', data: { status: 'positive' } }];
      const takes = next?.wanted() ? next : undefined;
      const askedMs = clock.monotonicMs();
      const end = (taking: SlotTakes | undefined) =>
        db.together(endStatement, { ...records, installId, entries, announce: !taking, leaseMs, takes: taking });
      const { outcome, next: taken } = await end(takes).catch((error: unknown) => {
        // What was chosen cannot be claimed, it may be: that is no fault of the run that ends.
        if (!takes || hasCode(error, 'store_unavailable')) throw error;
        return end(undefined);
      });
      if (outcome === 'lost') throw lost();
      if (outcome === 'slow') return false;
      this.#due.take();
      if (taken) next?.onTaken(taken, askedMs);
      return true;
    });
  }

  #recordsOf({ steps, entries, chars }: DueRecords): RunRecords {
    const { id: run, fence } = this.#run;
    return { run, fence, at: this.#options.clock.now(), steps, entries, chars };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #fenced<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const askedMs = this.#options.clock.monotonicMs();
    const result = await this.#options.db.asSystem(work);
    this.#heldMs = askedMs;
    return result;
  }

  /** The row stays locked to the end of the transaction: nobody claims the run, and nobody else takes numbers, before this is written. */
  async #take(tx: Tx): Promise<void> {
    const { id, fence } = this.#run;
    const count = await tx.$executeRaw`
      UPDATE run SET lease_until = clock_timestamp() + ${this.#options.leaseMs} * interval '1 ms'
       WHERE id = ${id} AND fence = ${fence} AND status = 'running'`;
    if (count === 0) throw lost();
  }
}

function firstOf(rows: readonly { readonly firstSeq: number }[]): number {
  const [row] = rows;
  if (!row) throw lost();
  return row.firstSeq;
}

const lost = (): Fault => new Fault('run_lost');
