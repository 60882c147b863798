import { type Db, recordChange } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import type { Clock } from '@nm/kernel/time';
import { addSigningKey, lockSigningKeys, publishMs } from './signing-key.js';

/** Longer than a token lives and a key set is cached: whatever a key signed is gone when it is taken away. */
const retireMs = 75 * 60_000;
/** How long a key signs. */
const rotateMs = 30 * 86_400_000;

/**
 * tendSigningKeys rotates keys without anybody being refused: a new key is published for two minutes before it signs (`ContextKeys`), one that no
 * longer signs stays published for 75 minutes more. Call it every hour; of many callers one acts.
 * @param afterMs age at which a key gets a successor; 0 for one at once
 */
export async function tendSigningKeys(
  { db, vault, clock }: { readonly db: Db; readonly vault: Vault; readonly clock: Clock },
  afterMs: number = rotateMs,
): Promise<void> {
  await db.asSystem(async (tx) => {
    await lockSigningKeys(tx);
    const now = clock.now();
    const before = (ms: number): Date => new Date(now.getTime() - ms);
    const active = await tx.signingKey.findMany({
      where: { state: 'active' },
      orderBy: { createdAt: 'desc' },
      select: { id: true, createdAt: true },
    });
    const signer = active.findIndex(({ createdAt }) => createdAt <= before(publishMs));
    const idle = signer < 0 ? [] : active.slice(signer + 1).map(({ id }) => id);
    const retired = await tx.signingKey.updateMany({
      where: { state: 'retiring', retiredAt: { lt: before(retireMs) } },
      data: { state: 'retired' },
    });
    await tx.signingKey.updateMany({ where: { id: { in: idle } }, data: { state: 'retiring', retiredAt: now } });
    const due = active[0] !== undefined && active[0].createdAt <= before(afterMs);
    if (due) await addSigningKey(tx, vault, now);
    if (due || idle.length > 0 || retired.count > 0)
      await recordChange(tx, { kind: 'signing_key', id: active[0]?.id ?? '', orgId: null });
  });
}
