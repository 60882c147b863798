import { type Db, recordChange } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { requireApp } from '@nm/features/apps';
import type { IssuedLicence, IssueLicence } from '@nm/kernel/contracts';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { type Actor, recordEvent } from './licence-events.js';
import { licenceOf, withNames } from './licence-row.js';
import { graceOf, invalid, requireCustomer, requirePlan } from './terms.js';

export interface LicenceDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}

/**
 * issueLicence lets a customer use an app by a plan. The key is in the answer and nowhere else: the store keeps its keyed hash.
 * @throws Fault not_found for the app; invalid_body for an unknown plan or customer, or an end before the start
 */
export async function issueLicence(
  { db, vault, clock }: LicenceDeps,
  actor: Actor,
  app: string,
  body: IssueLicence,
): Promise<IssuedLicence> {
  const { orgId } = actor;
  const key = mintBearerKey('licence');
  const startsAt = body.startsAt === undefined ? clock.now() : new Date(body.startsAt);
  const expiresAt = body.expiresAt === undefined ? null : new Date(body.expiresAt);
  if (expiresAt && expiresAt <= startsAt) throw invalid('expiresAt', 'must be after startsAt');
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const plan = await requirePlan(tx, appId, body.plan);
    const customer = await requireCustomer(tx, orgId, body.customerId);
    const row = await tx.licence.create({
      data: {
        id: newId('licence'),
        orgId,
        appId,
        planId: plan.id,
        customerId: customer.id,
        state: 'active',
        startsAt,
        expiresAt,
        expiresAfterFirstUseSeconds: body.expiresAfterFirstUseSeconds ?? null,
        trial: body.trial,
        grace: graceOf(body),
        keyLookup: key.lookup,
        keyHash: vault.hashBearerKey(key.text),
      },
      include: withNames,
    });
    await recordChange(tx, { kind: 'licence', id: row.id, orgId });
    await recordEvent(tx, clock, actor, row.id, 'issued', { plan: body.plan, customer: customer.id });
    return { ...licenceOf(row), key: key.text };
  });
}
