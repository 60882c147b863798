import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import { VersionSpec } from '@nm/kernel/contracts';
import type { RuntimeHandle } from '../runtime-driver.js';
import type { InstanceFacts } from './instance-facts.js';

/** LostInstance says that another operator holds the instance now; whatever this one still runs of it must go. */
export class LostInstance extends Error {
  override readonly name = 'LostInstance';
}

export interface InstanceStoreOptions {
  readonly db: Db;
  /** Name of this operator process, unique among all that ever run. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Whether a lease's holder is known to be dead, so that nobody needs to wait for its end. */
  readonly isDead: (owner: string) => boolean;
}

/** A row with what belongs to it, in one round trip: a wake waits for this. */
interface Claimed {
  readonly owner: string | null;
  readonly live: boolean;
  readonly now: Date;
  readonly org_id: string;
  readonly app_id: string;
  readonly desired: InstanceFacts['desired'];
  readonly observed: InstanceFacts['observed'];
  readonly handle: RuntimeHandle | null;
  readonly restarts: number;
  readonly not_before: Date | null;
  readonly wanted_at: Date | null;
  readonly started_at: Date | null;
  readonly ready_at: Date | null;
  readonly last_used_at: Date | null;
  readonly spec: unknown;
  readonly version: string;
  readonly app: string;
  readonly org: string;
  readonly install: InstanceFacts['names']['install'] | null;
}

/**
 * InstanceStore is the operator's side of the table `instance`. Whoever holds the lease of a row is the only one that acts for it:
 * every write names the owner, and fails with `LostInstance` when that is somebody else by now.
 */
export class InstanceStore {
  readonly #options: InstanceStoreOptions;

  constructor(options: InstanceStoreOptions) {
    this.#options = options;
  }

  /** claim takes or renews the lease and gives the facts; undefined when there is nothing to do, or it is not ours to do. */
  claim(id: string): Promise<InstanceFacts | undefined> {
    const { db, owner, leaseMs, isDead } = this.#options;
    return db.asSystem(async (tx) => {
      const [row] = await tx.$queryRaw<Claimed[]>`
        SELECT i.owner, coalesce(i.lease_until > now(), false) AS live, now() AS now, i.org_id, i.app_id, i.desired, i.observed, i.handle,
               i.restarts, i.not_before, i.wanted_at, i.started_at, i.ready_at, i.last_used_at,
               v.spec, v.name AS version, a.slug AS app, o.slug AS org,
               CASE WHEN n.id IS NULL THEN NULL
                    ELSE jsonb_build_object('id', n.id, 'cluster', n.cluster_id, 'namespace', n.namespace) END AS install
          FROM instance i JOIN app_version v ON v.id = i.version_id JOIN app a ON a.id = i.app_id JOIN org o ON o.id = i.org_id
          LEFT JOIN install n ON n.id = i.install_id
         WHERE i.id = ${id} FOR UPDATE OF i`;
      if (!row) return undefined;
      const other = row.owner !== null && row.owner !== owner ? row.owner : undefined;
      if (other !== undefined && row.live && !isDead(other)) return undefined;
      const idle = row.desired === 'stopped' && (row.observed === 'stopped' || row.observed === 'crashed');
      if (idle && row.handle === null) {
        if (row.owner !== null) await this.#release(tx, id);
        return undefined;
      }
      await tx.$executeRaw`
        UPDATE instance SET owner = ${owner}, lease_until = now() + ${leaseMs} * interval '1 millisecond' WHERE id = ${id}`;
      return factsOf(id, row, other);
    });
  }

  /** starting records the intent before anything is started, so that a crash in between leaves a trace. */
  starting(id: string, driver: string | undefined): Promise<void> {
    return this.#write(
      id,
      true,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET observed = 'starting', driver = ${driver ?? null}, started_at = clock_timestamp(), ready_at = NULL, address = NULL,
             message = NULL, not_before = NULL, log_tail = NULL, updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  /** ticket keeps what a ticket of this start hashes to; the one before is worth nothing from then on. */
  ticket(id: string, hash: Buffer): Promise<void> {
    return this.#write(
      id,
      false,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET ticket_hash = ${hash} WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  started(id: string, handle: RuntimeHandle): Promise<void> {
    return this.#write(
      id,
      false,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET handle = ${JSON.stringify(handle)}::jsonb, updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  ready(id: string, address: string): Promise<void> {
    return this.#write(
      id,
      true,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET observed = 'ready', address = ${address}, ready_at = clock_timestamp(), message = NULL, updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  /** retire takes an instance out of traffic because nobody has wanted it since `before`; false when somebody has. */
  async retire(id: string, before: Date): Promise<boolean> {
    const { db, owner } = this.#options;
    return db.asSystem(async (tx) => {
      const rows = await tx.$queryRaw<{ org_id: string }[]>`
        UPDATE instance SET desired = 'stopped', observed = CASE observed WHEN 'crashed' THEN observed ELSE 'stopped' END,
               address = NULL, updated_at = now()
         WHERE id = ${id} AND owner = ${owner}
           AND coalesce(greatest(wanted_at, last_used_at, ready_at), 'epoch') <= ${before}::timestamptz
        RETURNING org_id`;
      if (rows[0]) await recordChange(tx, { kind: 'instance', id, orgId: rows[0].org_id });
      return rows.length > 0;
    });
  }

  /** withdraw takes an instance out of traffic before it is stopped, whoever wants it. */
  withdraw(id: string, desired: 'running' | 'stopped'): Promise<void> {
    return this.#write(
      id,
      true,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET desired = ${desired}, observed = 'stopped', address = NULL, updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  /** stopped ends the story of one process or container and gives the lease back. */
  stopped(id: string, logTail: Buffer | undefined): Promise<void> {
    return this.#write(
      id,
      false,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET handle = NULL, owner = NULL, lease_until = NULL, ticket_hash = NULL, log_tail = coalesce(${logTail ?? null}, log_tail),
             restarts = 0, not_before = NULL, updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  /**
   * crashed records an end that nobody asked for. It is wanted again only if somebody has asked since it was started;
   * a start before `backoffMs` is over waits for it.
   */
  crashed(
    id: string,
    crash: { message: string; restarts: number; backoffMs: number; logTail?: Buffer },
  ): Promise<void> {
    return this.#write(
      id,
      true,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET observed = 'crashed', address = NULL, handle = NULL, owner = NULL, lease_until = NULL, ticket_hash = NULL, message = ${crash.message},
             desired = CASE WHEN wanted_at > started_at THEN 'running' ELSE 'stopped' END,
             restarts = ${crash.restarts}, not_before = clock_timestamp() + ${crash.backoffMs} * interval '1 millisecond',
             log_tail = coalesce(${crash.logTail ?? null}, log_tail), updated_at = now()
       WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  saveLogs(id: string, logTail: Buffer): Promise<void> {
    return this.#write(
      id,
      false,
      (tx, owner) => tx.$queryRaw`
      UPDATE instance SET log_tail = ${logTail} WHERE id = ${id} AND owner = ${owner} RETURNING org_id`,
    );
  }

  /** renew keeps the leases of this operator and names what it still holds. */
  async renew(): Promise<{ id: string; handle: RuntimeHandle | undefined }[]> {
    const { db, owner, leaseMs } = this.#options;
    const rows = await db.asSystem(
      (tx) => tx.$queryRaw<{ id: string; handle: RuntimeHandle | null }[]>`
        UPDATE instance SET lease_until = now() + ${leaseMs} * interval '1 millisecond' WHERE owner = ${owner} RETURNING id, handle`,
    );
    return rows.map((row) => ({ id: row.id, handle: row.handle ?? undefined }));
  }

  /** due names every instance that may need something. */
  async due(): Promise<string[]> {
    const rows = await this.#options.db.asSystem(
      (tx) => tx.$queryRaw<{ id: string }[]>`
        SELECT id FROM instance WHERE desired = 'running' OR observed IN ('starting', 'ready') OR owner IS NOT NULL`,
    );
    return rows.map((row) => row.id);
  }

  /** strays gives those handles that no row vouches for. One that is just being started has no handle in its row yet and is none. */
  async strays(handles: readonly RuntimeHandle[]): Promise<RuntimeHandle[]> {
    if (handles.length === 0) return [];
    const ids = handles.map((handle) => handle.instanceId);
    const rows = await this.#options.db.asSystem(
      (tx) => tx.$queryRaw<{ id: string; ref: string | null; live: boolean }[]>`
        SELECT id, handle->>'ref' AS ref, coalesce(lease_until > now(), false) AS live FROM instance WHERE id = ANY(${ids})`,
    );
    const known = new Map(rows.map((row) => [row.id, row]));
    return handles.filter((handle) => {
      const row = known.get(handle.instanceId);
      if (!row) return true;
      return row.ref === null ? !row.live : row.ref !== handle.ref;
    });
  }

  async #release(tx: Tx, id: string): Promise<void> {
    await tx.$executeRaw`UPDATE instance SET owner = NULL, lease_until = NULL WHERE id = ${id}`;
  }

  async #write(
    id: string,
    announce: boolean,
    statement: (tx: Tx, owner: string) => PromiseLike<{ org_id: string }[]>,
  ): Promise<void> {
    const { db, owner } = this.#options;
    await db.asSystem(async (tx) => {
      const [row] = await statement(tx, owner);
      if (!row) throw new LostInstance(id);
      if (announce) await recordChange(tx, { kind: 'instance', id, orgId: row.org_id });
    });
  }
}

function factsOf(id: string, row: Claimed, takenOverFrom: string | undefined): InstanceFacts {
  return {
    id,
    orgId: row.org_id,
    desired: row.desired,
    observed: row.observed,
    handle: row.handle ?? undefined,
    takenOverFrom,
    restarts: row.restarts,
    notBefore: row.not_before ?? undefined,
    wantedAt: row.wanted_at ?? undefined,
    startedAt: row.started_at ?? undefined,
    readyAt: row.ready_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    now: row.now,
    spec: VersionSpec.parse(row.spec),
    names: {
      appId: row.app_id,
      org: row.org,
      app: row.app,
      version: row.version,
      install: row.install ?? undefined,
    },
  };
}
