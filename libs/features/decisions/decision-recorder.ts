import type { Db } from '@nm/adapters/db';
import type { SampledFacts } from '@nm/kernel/contracts';
import { hasCode } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { RequestFacts } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';

/** One decision, with what it was made from. */
export interface DecisionNote {
  readonly orgId: string;
  /** The app whose rules decided. */
  readonly appId: string;
  readonly licenceId: string;
  readonly installId: string | undefined;
  readonly effect: 'allow' | 'read-only' | 'deny';
  /** What the client was told: the decision's code, or that of the refusal. */
  readonly code: string;
  readonly ruleId: string | undefined;
  readonly ruleSetVersion: number | undefined;
  readonly requestId: string;
  readonly request: RequestFacts;
  /** Asked for when it is written. */
  readonly facts: () => SampledFacts;
}

export interface DecisionRecorderOptions {
  readonly db: Pick<Db, 'asSystem'>;
  readonly clock: Clock;
  /** One of so many requests that are let in is kept; refusals are all kept. 0: none. */
  readonly allowEvery: number;
  readonly onWritten?: (count: number) => void;
  readonly onDropped?: (count: number) => void;
  readonly pendingMax?: number;
}

interface Pending {
  readonly note: DecisionNote;
  readonly atMs: number;
  weight: number;
}

const pendingMaxDefault = 5_000;
const batchMax = 500;
const pathCharsMax = 500;

/**
 * DecisionRecorder keeps decisions so that they can be explained and new rules rehearsed on them. Nothing on a request's way waits for it: what is
 * alike between two writes becomes one row with a weight, and when too much is pending the rest is dropped and counted.
 */
export class DecisionRecorder {
  readonly #options: DecisionRecorderOptions;
  readonly #pendingMax: number;
  #pending = new Map<string, Pending>();
  #sinceAllow = 0;
  #writing: Promise<void> | undefined;

  constructor(options: DecisionRecorderOptions) {
    this.#options = options;
    this.#pendingMax = options.pendingMax ?? pendingMaxDefault;
  }

  /** wantsAllow is true for one of `allowEvery` requests; only that one is worth a note. */
  wantsAllow(): boolean {
    const { allowEvery } = this.#options;
    if (allowEvery === 0 || ++this.#sinceAllow < allowEvery) return false;
    this.#sinceAllow = 0;
    return true;
  }

  /** denied keeps a refusal. */
  denied(note: DecisionNote): void {
    this.#keep(note, 1);
  }

  /** allowed keeps a request that `wantsAllow` chose, for all that it stands for. */
  allowed(note: DecisionNote): void {
    this.#keep(note, this.#options.allowEvery);
  }

  get pending(): number {
    return this.#pending.size;
  }

  #keep(note: DecisionNote, weight: number): void {
    const { method, path } = note.request;
    const key = `${note.licenceId} ${note.installId ?? ''} ${note.code} ${note.ruleId ?? ''} ${method} ${path}`;
    const alike = this.#pending.get(key);
    if (alike) {
      alike.weight += weight;
      return;
    }
    if (this.#pending.size >= this.#pendingMax) this.#options.onDropped?.(weight);
    else this.#pending.set(key, { note, atMs: this.#options.clock.nowMs(), weight });
  }

  /** flush writes what is pending; call it every second. What the store did not take for now is tried again. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const all = [...this.#pending.values()];
    this.#pending = new Map();
    for (let from = 0; from < all.length; from += batchMax) {
      const batch = all.slice(from, from + batchMax);
      try {
        await this.#insert(batch);
      } catch (error) {
        if (hasCode(error, 'store_unavailable')) {
          this.#putBack(all.slice(from));
          throw error;
        }
        await this.#insertOneByOne(batch);
      }
    }
  }

  async #insert(batch: readonly Pending[]): Promise<void> {
    const rows = JSON.stringify(batch.map(rowOf));
    // As one document: a statement with a parameter for each value is put together on the thread that serves requests.
    await this.#options.db.asSystem(
      (tx) => tx.$executeRaw`
        INSERT INTO decision_sample (id, org_id, app_id, licence_id, install_id, at, effect, code, rule_id,
          rule_set_version, weight, request_id, request, facts)
        SELECT id, org_id, app_id, licence_id, install_id, at, effect, code, rule_id,
          rule_set_version, weight, request_id, request, facts
        FROM jsonb_to_recordset(${rows}::jsonb) AS row (id text, org_id text, app_id text, licence_id text,
          install_id text, at timestamptz(3), effect text, code text, rule_id text, rule_set_version int, weight int,
          request_id text, request jsonb, facts jsonb)`,
    );
    this.#options.onWritten?.(batch.length);
  }

  /** A licence may be gone meanwhile; its decisions go with it, the others' do not. */
  async #insertOneByOne(batch: readonly Pending[]): Promise<void> {
    for (const pending of batch) {
      try {
        await this.#insert([pending]);
      } catch {
        this.#options.onDropped?.(pending.weight);
      }
    }
  }

  #putBack(rest: readonly Pending[]): void {
    const room = Math.max(0, this.#pendingMax - this.#pending.size);
    for (const pending of rest.slice(0, room))
      this.#pending.set(`again ${this.#pending.size} ${pending.atMs}`, pending);
    for (const { weight } of rest.slice(room)) this.#options.onDropped?.(weight);
  }
}

/** As its columns are called. */
const rowOf = ({ note, atMs, weight }: Pending) => ({
  id: newId('decision', atMs),
  org_id: note.orgId,
  app_id: note.appId,
  licence_id: note.licenceId,
  install_id: note.installId,
  at: new Date(atMs),
  effect: note.effect,
  code: note.code,
  rule_id: note.ruleId,
  rule_set_version: note.ruleSetVersion,
  weight,
  request_id: note.requestId,
  request: { ...note.request, path: note.request.path.slice(0, pathCharsMax) },
  facts: note.facts(),
});
