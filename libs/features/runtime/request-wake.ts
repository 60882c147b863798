import type { Db, Tx } from '@nm/adapters/db';
import { newId } from '@nm/kernel/ids';
import { slotOf } from './slot.js';

export interface WakeRequest {
  readonly orgId: string;
  readonly appId: string;
  readonly versionId: string;
  /** Only for versions with tenancy `install`. */
  readonly installId?: string | undefined;
}

/** A wish that is this young needs no second write: the operator acts on it, or has. Milliseconds. */
const freshMs = 2_000;

/**
 * requestWake says that somebody wants the instance of this slot to run. At commit a trigger tells the operators (`nm_instance`).
 * Any number of callers may ask at once: they get the same instance, and the row is written at most once in two seconds,
 * except after a crash, where asking again is what allows the next start.
 */
export function requestWake(db: Db, wake: WakeRequest): Promise<{ instanceId: string }> {
  return db.withOrg(wake.orgId, async (tx) => {
    const slot = slotOf(wake.versionId, wake.installId);
    return { instanceId: (await alreadyWanted(tx, slot)) ?? (await want(tx, slot, wake)) };
  });
}

async function alreadyWanted(tx: Tx, slot: string): Promise<string | undefined> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM instance
     WHERE slot = ${slot} AND desired = 'running' AND wanted_at > now() - ${freshMs} * interval '1 millisecond'
       AND (observed <> 'crashed' OR started_at IS NULL OR wanted_at > started_at)`;
  return rows[0]?.id;
}

async function want(tx: Tx, slot: string, wake: WakeRequest): Promise<string> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    INSERT INTO instance (id, org_id, app_id, version_id, install_id, slot, desired, observed, wanted_at, updated_at)
    VALUES (${newId('instance')}, ${wake.orgId}, ${wake.appId}, ${wake.versionId}, ${wake.installId ?? null}, ${slot},
            'running', 'stopped', now(), now())
    ON CONFLICT (slot) DO UPDATE SET desired = 'running', wanted_at = clock_timestamp(), updated_at = now()
    RETURNING id`;
  return (rows[0] as { id: string }).id;
}
