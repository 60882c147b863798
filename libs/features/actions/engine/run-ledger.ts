import type { Db, Tx } from '@nm/adapters/db';
import type { RunError, StepStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { lendInstall } from '../child-run.js';
import { type RunEnd, writeEnd } from '../end-run.js';
import { lockInstall } from '../install-lock.js';
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

const lineCharsMax = 2_000;

/**
 * RunLedger writes a claimed run's progress. Each write checks the fence in its own transaction and renews the lease; once somebody
 * else has claimed the run, every write fails with `run_lost` and leaves nothing.
 */
export class RunLedger {
  readonly #options: LedgerOptions;
  readonly #run: ClaimedRun;
  #heldMs: number;

  /** @param claimedMs when the claim was asked for, by the monotonic clock */
  constructor(options: LedgerOptions, run: ClaimedRun, claimedMs: number) {
    this.#options = options;
    this.#run = run;
    this.#heldMs = claimedMs;
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
  record({ position, title, status, attempt, output, error }: StepRecord): Promise<void> {
    const { clock } = this.#options;
    return this.#fenced(async (tx) => {
      const firstSeq = await this.#take(tx, 1);
      const now = clock.now();
      await tx.runStep.update({
        where: { runId_position: { runId: this.#run.id, position } },
        data: {
          status,
          attempts: attempt,
          fence: this.#run.fence,
          ...(status === 'running' ? { startedAt: now } : { finishedAt: now }),
          ...(output === undefined ? {} : { output: output as object }),
          ...(error ? { error: error as object } : {}),
        },
      });
      const data = { step: position, title, status, attempt, ...(error ? { error } : {}) };
      await writeJournal(tx, this.#run, firstSeq, now, [{ kind: 'step', data }]);
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

  /** log adds lines to the story. @throws Fault run_lost, store_unavailable */
  log(step: number | undefined, ...lines: string[]): Promise<void> {
    const entries = lines.map(
      (line): JournalEntry => ({
        kind: 'log',
        data: { ...(step === undefined ? {} : { step }), line: line.slice(0, lineCharsMax) },
      }),
    );
    return this.#fenced(async (tx) => {
      const firstSeq = await this.#take(tx, entries.length);
      await writeJournal(tx, this.#run, firstSeq, this.#options.clock.now(), entries);
    });
  }

  /**
   * beginUndo writes down how the run will end, and gives the undoing a time of its own: a crash goes on with undoing, never with the plan.
   * @throws Fault run_lost, store_unavailable
   */
  beginUndo(ending: RunEnd, undoMsMax: number): Promise<void> {
    const { id, fence } = this.#run;
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
  wait({ until, forWhat, run }: Pick<RunWaits, 'until' | 'forWhat' | 'run'>): Promise<void> {
    const { id, fence, installId } = this.#run;
    return this.#fenced(async (tx) => {
      await lockInstall(tx, installId);
      const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
        UPDATE run SET status = 'waiting', waits_for = ${forWhat}, waits_until = ${until}, waits_run = ${run ?? null}, lease_until = NULL,
               worker = NULL, deadline_at = NULL, next_seq = next_seq + 1
         WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - 1 AS "firstSeq"`;
      const now = this.#options.clock.now();
      await writeJournal(tx, this.#run, firstOf(rows), now, [{ kind: 'status', data: { status: 'waiting' } }]);
      if (run !== undefined) await lendInstall(tx, this.#run, run);
    });
  }

  /** finish ends the run. @throws Fault run_lost, store_unavailable */
  finish(end: RunEnd): Promise<void> {
    const { id, installId, fence } = this.#run;
    const { error, status } = end;
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
  release(): Promise<void> {
    const { id, fence } = this.#run;
    return this.#fenced(async (tx) => {
      const count = await tx.$executeRaw`
        UPDATE run SET lease_until = clock_timestamp() WHERE id = ${id} AND fence = ${fence} AND status = 'running'`;
      if (count === 0) throw lost();
      await announceRun(tx, this.#run);
    });
  }

  async #fenced<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const askedMs = this.#options.clock.monotonicMs();
    const result = await this.#options.db.asSystem(work);
    this.#heldMs = askedMs;
    return result;
  }

  /** The row stays locked to the end of the transaction: nobody claims the run, and nobody else takes numbers, before this is written. */
  async #take(tx: Tx, count: number): Promise<number> {
    const { id, fence } = this.#run;
    const rows = await tx.$queryRaw<{ firstSeq: number }[]>`
      UPDATE run SET next_seq = next_seq + ${count}, lease_until = clock_timestamp() + ${this.#options.leaseMs} * interval '1 ms'
       WHERE id = ${id} AND fence = ${fence} AND status = 'running' RETURNING next_seq - ${count} AS "firstSeq"`;
    return firstOf(rows);
  }
}

function firstOf(rows: readonly { readonly firstSeq: number }[]): number {
  const [row] = rows;
  if (!row) throw lost();
  return row.firstSeq;
}

const lost = (): Fault => new Fault('run_lost');
