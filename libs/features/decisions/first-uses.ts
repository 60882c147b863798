import { type Db, recordChange } from '@nm/adapters/db';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

export interface FirstUsesOptions {
  readonly db: Pick<Db, 'asSystem'>;
  readonly clock: Clock;
  readonly onError?: (error: unknown) => void;
}

/** FirstUses writes down when a licence that runs from its first use was used first. Of many gateways that see it, the first to write counts. */
export class FirstUses {
  readonly #options: FirstUsesOptions;
  readonly #underWay = new Set<string>();

  constructor(options: FirstUsesOptions) {
    this.#options = options;
  }

  /** report is called for every request until the written date is known; it writes once and blocks nobody. */
  report(licenceId: string): void {
    if (this.#underWay.has(licenceId)) return;
    this.#underWay.add(licenceId);
    this.#write(licenceId, this.#options.clock.now())
      .catch((error: unknown) => this.#options.onError?.(error))
      .finally(() => this.#underWay.delete(licenceId));
  }

  /** A fixed end that comes earlier stays. */
  async #write(id: string, at: Date): Promise<void> {
    await this.#options.db.asSystem(async (tx) => {
      const licence = await tx.licence.findUnique({ where: { id } });
      const seconds = licence?.expiresAfterFirstUseSeconds;
      if (!licence || typeof seconds !== 'number' || licence.firstUsedAt !== null) return;
      const endMs = at.getTime() + seconds * 1000;
      const expiresAt = new Date(Math.min(endMs, licence.expiresAt?.getTime() ?? Infinity));
      const { count } = await tx.licence.updateMany({
        where: { id, firstUsedAt: null },
        data: { firstUsedAt: at, expiresAt },
      });
      if (count === 0) return;
      const { orgId } = licence;
      const event = { kind: 'first_used', actor: id, detail: { expiresAt: expiresAt.toISOString() }, at };
      await tx.licenceEvent.create({ data: { id: newId('licenceEvent'), orgId, licenceId: id, ...event } });
      await recordChange(tx, { kind: 'licence', id, orgId });
    });
  }
}
