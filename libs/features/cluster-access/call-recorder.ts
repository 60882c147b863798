import type { Db } from '@nm/adapters/db';
import { hasCode } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { type CallRow, writeCalls } from './call-rows.js';

/** What is known of a call when it sets out. */
export interface CallFacts {
  readonly orgId: string;
  readonly licenceId: string;
  readonly installId: string;
  readonly requestId: string;
  readonly actor: { readonly kind: 'licensee' | 'instance' | 'app'; readonly id: string; readonly name: string };
  readonly call: {
    readonly verb: string;
    readonly group: string;
    readonly version: string;
    readonly resource: string;
    readonly subresource: string | undefined;
    readonly namespace: string | undefined;
    readonly name: string | undefined;
  };
}

/** A call on its way. */
export interface OpenCall {
  /** The cluster gave the object its name. */
  named(name: string | undefined): void;
  /** Told once. @param status what the cluster answered; 0: nothing @param code why NMachine refused or cut it */
  ended(status: number, code: string | undefined): void;
}

export interface CallRecorderOptions {
  readonly db: Pick<Db, 'asSystem'>;
  readonly clock: Clock;
  readonly onWritten?: (count: number) => void;
  readonly onDropped?: (count: number) => void;
  /** A write outside of `flush`'s caller has failed; it is tried again. */
  readonly onError?: (error: unknown) => void;
  readonly pendingMax?: number;
}

const pendingMaxDefault = 10_000;
/** One install's share of what may be pending: a busy one costs the others nothing. */
const shareOfOne = 0.25;
const batchRows = 500;
/** So many are written without waiting for the tick. */
const hurryRows = 1_000;

interface Missed {
  readonly facts: Pick<CallFacts, 'orgId' | 'licenceId' | 'installId'>;
  readonly atMs: number;
  count: number;
}

/**
 * CallRecorder writes down calls to clusters that change something. Nothing on a call's way waits for it. What there is no room for is dropped, counted, and
 * the count itself becomes a row of the record, so that no gap looks like silence.
 */
export class CallRecorder {
  readonly #options: CallRecorderOptions;
  readonly #pendingMax: number;
  #pending = new Map<string, CallRow>();
  #perInstall = new Map<string, number>();
  #missed = new Map<string, Missed>();
  #writing: Promise<void> | undefined;

  constructor(options: CallRecorderOptions) {
    this.#options = options;
    this.#pendingMax = options.pendingMax ?? pendingMaxDefault;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** open begins a record. What stays open (exec and the like) is written at once, so that it is known even if this process does not live to see its end. */
  open(facts: CallFacts): OpenCall {
    const atMs = this.#options.clock.nowMs();
    let row = rowOf(facts, atMs);
    if (facts.call.verb === 'connect') this.#keep(row);
    return {
      named: (name) => {
        if (name !== undefined) row = { ...row, name };
      },
      ended: (status, code) => {
        row = { ...row, endedAt: this.#options.clock.now(), status: status || null, code: code ?? null };
        this.#keep(row);
      },
    };
  }

  #keep(row: CallRow): void {
    const ofInstall = this.#perInstall.get(row.installId) ?? 0;
    const isNew = !this.#pending.has(row.id);
    const isFull = this.#pending.size >= this.#pendingMax || ofInstall >= this.#pendingMax * shareOfOne;
    if (isNew && isFull) {
      this.#miss(row);
      return;
    }
    this.#pending.set(row.id, row);
    if (isNew) this.#perInstall.set(row.installId, ofInstall + 1);
    if (this.#pending.size >= hurryRows && !this.#writing) void this.flush().catch(this.#options.onError);
  }

  #miss({ orgId, licenceId, installId }: CallRow): void {
    const known = this.#missed.get(installId);
    if (known) known.count++;
    else {
      const facts = { orgId, licenceId, installId };
      this.#missed.set(installId, { facts, atMs: this.#options.clock.nowMs(), count: 1 });
    }
    this.#options.onDropped?.(1);
  }

  /** flush writes what is pending; call it every second. What the store did not take for now is kept and tried again. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const rows = [...this.#pending.values(), ...Array.from(this.#missed.values(), missedRow)];
    this.#pending = new Map();
    this.#perInstall = new Map();
    this.#missed = new Map();
    for (let from = 0; from < rows.length; from += batchRows) {
      const batch = rows.slice(from, from + batchRows);
      try {
        await this.#insert(batch);
      } catch (error) {
        if (hasCode(error, 'store_unavailable')) {
          this.#putBack(rows.slice(from));
          throw error;
        }
        await this.#insertOneByOne(batch);
      }
    }
  }

  async #insert(batch: readonly CallRow[]): Promise<void> {
    await writeCalls(this.#options.db, batch);
    this.#options.onWritten?.(batch.length);
  }

  /** A licence may be gone meanwhile; its calls go with it, the others' do not. */
  async #insertOneByOne(batch: readonly CallRow[]): Promise<void> {
    for (const row of batch) {
      try {
        await this.#insert([row]);
      } catch (error) {
        if (hasCode(error, 'store_unavailable')) this.#putBack([row]);
        else this.#options.onDropped?.(row.count);
      }
    }
  }

  #putBack(rows: readonly CallRow[]): void {
    for (const row of rows) {
      if (row.kind === 'missed') this.#missAgain(row);
      // What was said since is newer.
      else if (!this.#pending.has(row.id)) this.#keep(row);
    }
  }

  #missAgain({ orgId, licenceId, installId, at, count }: CallRow): void {
    const known = this.#missed.get(installId);
    const before = known?.count ?? 0;
    this.#missed.set(installId, {
      facts: { orgId, licenceId, installId },
      atMs: at.getTime(),
      count: before + count,
    });
  }
}

function rowOf({ orgId, licenceId, installId, requestId, actor, call }: CallFacts, atMs: number): CallRow {
  return {
    ...{ id: newId('clusterCall', atMs), orgId, licenceId, installId, requestId },
    kind: 'call',
    count: 1,
    at: new Date(atMs),
    endedAt: null,
    verb: call.verb,
    apiGroup: call.group,
    apiVersion: call.version,
    resource: call.resource,
    subresource: call.subresource ?? null,
    namespace: call.namespace ?? null,
    name: call.name ?? null,
    actorKind: actor.kind,
    actorId: actor.id,
    actorName: actor.name,
    status: null,
    code: null,
  };
}

const missedRow = ({ facts, atMs, count }: Missed): CallRow => ({
  ...facts,
  id: newId('clusterCall', atMs),
  kind: 'missed',
  count,
  at: new Date(atMs),
  endedAt: null,
  ...{ verb: '', apiGroup: '', apiVersion: '', resource: '', subresource: null, namespace: null, name: null },
  ...{ actorKind: 'nmachine', actorId: '', actorName: 'NMachine', status: null, code: null, requestId: null },
});
