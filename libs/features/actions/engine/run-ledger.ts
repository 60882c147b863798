import type { Db, Tx } from '@nm/adapters/db';
import type { RunError, StepStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { lendInstall } from '../child-run.js';
import { type RunEnd, writeEnd } from '../end-run.js';
import { lockInstall } from '../install-lock.js';
import { LogBook, type LogChunks } from '../logs/log-book.js';
import { type Mask, maskDeep, maskOf } from '../logs/mask-secrets.js';
import { lookSoon } from '../offline-runs.js';
import { announceRun, type JournalEntry, writeJournal } from '../run-journal.js';
import type { RunWaits } from '../steps/run-waits.js';
import type { ClaimedRun } from './claim-run.js';

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

/**
 * RunLedger writes a claimed run's progress. Each write checks the fence in its own transaction and renews the lease; once somebody
 * else has claimed the run, every write fails with `run_lost` and leaves nothing.
 */
export class RunLedger {
  readonly #options: LedgerOptions;
  readonly #run: ClaimedRun;
  readonly #mask: Mask;
  readonly #book: LogBook;
  #heldMs: number;

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
    return this.#fenced(async (tx) => {
      await this.#take(tx, 0);
      const run = await tx.run.findUniqueOrThrow({
        where: { id: this.#run.id },
        select: { cancelRequestedAt: true },
      });
      return { cancelRequested: run.cancelRequestedAt !== null };
    });
  }

  /** record writes a step's new state and its event. @throws Fault run_lost, store_unavailable */
  record({ position, title, status, attempt, output, error: found }: StepRecord): Promise<void> {
    const { clock } = this.#options;
    const error = found && this.#withoutSecrets(found);
    if (status !== 'running') this.#book.endStep(position);
    const { entries, chars } = this.#book.take();
    return this.#fenced(async (tx) => {
      const firstSeq = await this.#take(tx, entries.length + 1, sumOf(chars));
      const now = clock.now();
      await tx.runStep.update({
        where: { runId_position: { runId: this.#run.id, position } },
        data: {
          status,
          attempts: attempt,
          fence: this.#run.fence,
          ...(status === 'running' ? { startedAt: now } : { finishedAt: now }),
          ...(output === undefined ? {} : { output: maskDeep(output, this.#mask) as object }),
          ...(chars.get(position) ? { logChars: { increment: chars.get(position) ?? 0 } } : {}),
          ...(error ? { error: error as object } : {}),
        },
      });
      const data = { step: position, title, status, attempt, ...(error ? { error } : {}) };
      await this.#countLogs(tx, chars, position);
      await writeJournal(tx, this.#run, firstSeq, now, [...entries, { kind: 'step', data }]);
    });
  }

  /** note keeps what a step must know if it has to be done again. @throws Fault run_lost, store_unavailable */
  note(position: number, output: unknown): Promise<void> {
    return this.#fenced(async (tx) => {
      await this.#take(tx, 0);
      await tx.runStep.update({
        where: { runId_position: { runId: this.#run.id, position } },
        data: { output: output as object },
      });
    });
  }

  /** within writes something else of the run under its fence. @throws Fault run_lost, store_unavailable */
  within<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#fenced(async (tx) => {
      await this.#take(tx, 0);
      return work(tx);
    });
  }

  /** log adds lines to the story; they are written in chunks, with the next record at the latest. */
  log(step: number | undefined, ...lines: string[]): void {
    this.#book.add(step, lines);
  }

  /** flush writes the lines that wait. @throws Fault run_lost, store_unavailable */
  async flush(): Promise<void> {
    const { entries, chars } = this.#book.take();
    if (entries.length === 0) return;
    await this.#fenced(async (tx) => {
      const firstSeq = await this.#take(tx, entries.length, sumOf(chars));
      await this.#countLogs(tx, chars, undefined);
      await writeJournal(tx, this.#run, firstSeq, this.#options.clock.now(), entries);
    });
  }

  /** close writes nothing more by itself. */
  close(): void {
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
   * wait gives the run back until something outside happens; its deadline begins anew then. A child that it waits for may begin now.
   * @throws Fault run_lost, store_unavailable
   */
  async wait({ until, forWhat, run, reason }: Pick<RunWaits, 'until' | 'forWhat' | 'run' | 'reason'>): Promise<void> {
    const { id, fence, installId, clusterId } = this.#run;
    await this.flush();
    return this.#fenced(async (tx) => {
      await lockInstall(tx, installId);
      const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
        UPDATE run SET status = 'waiting', waits_for = ${forWhat}, waits_until = ${until}, waits_reason = ${reason}, waits_run = ${run ?? null},
               waits_since = clock_timestamp(), lease_until = NULL, worker = NULL, deadline_at = NULL, next_seq = next_seq + 1,
               offline_until = CASE WHEN ${reason} = 'cluster_offline' THEN ${until}::timestamptz ELSE offline_until END
         WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - 1 AS "firstSeq"`;
      const now = this.#options.clock.now();
      await writeJournal(tx, this.#run, firstOf(rows), now, [{ kind: 'status', data: { status: 'waiting', reason } }]);
      if (reason === 'cluster_offline') await lookSoon(tx, [clusterId]);
      if (run !== undefined) await lendInstall(tx, this.#run, run);
    });
  }

  /** finish ends the run. @throws Fault run_lost, store_unavailable */
  async finish(found: RunEnd): Promise<void> {
    const { id, installId, fence } = this.#run;
    const { status } = found;
    const error = found.error && this.#withoutSecrets(found.error);
    const end = { status, error };
    await this.flush();
    return this.#fenced(async (tx) => {
      await lockInstall(tx, installId);
      const at = this.#options.clock.now();
      await writeEnd(tx, this.#run, end, at, async (count) => {
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

  async #countLogs(tx: Tx, chars: LogChunks['chars'], but: number | undefined): Promise<void> {
    for (const [position, count] of chars)
      if (position !== undefined && position !== but)
        await tx.runStep.update({
          where: { runId_position: { runId: this.#run.id, position } },
          data: { logChars: { increment: count } },
        });
  }

  async #fenced<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const askedMs = this.#options.clock.monotonicMs();
    const result = await this.#options.db.asSystem(work);
    this.#heldMs = askedMs;
    return result;
  }

  /** The row stays locked to the end of the transaction: nobody claims the run, and nobody else takes numbers, before this is written. */
  async #take(tx: Tx, count: number, logChars = 0): Promise<number> {
    const { id, fence } = this.#run;
    const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
      UPDATE run SET next_seq = next_seq + ${count}, log_chars = log_chars + ${logChars}, lease_until = clock_timestamp() + ${this.#options.leaseMs} * interval '1 ms'
       WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - ${count} AS "firstSeq"`;
    return firstOf(rows);
  }
}

function firstOf(rows: readonly { readonly firstSeq: number }[]): number {
  const [row] = rows;
  if (!row) throw lost();
  return row.firstSeq;
}

const sumOf = (chars: LogChunks['chars']): number => [...chars.values()].reduce((sum, each) => sum + each, 0);

const lost = (): Fault => new Fault('run_lost');
