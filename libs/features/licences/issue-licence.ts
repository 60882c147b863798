import { type Db, recordChange } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { requireApp } from '@nm/features/apps';
import type { IssuedLicence, IssueLicence } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { licenceOf, withNames } from './licence-row.js';

export interface LicenceDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}

const noSuch = (field: string, what: string): Fault =>
  new Fault('invalid_body', { extra: { issues: [{ path: field, message: `there is no such ${what}` }] } });

/**
 * issueLicence lets a customer use an app by a plan. The key is in the answer and nowhere else: the store keeps its keyed hash.
 * @throws Fault not_found for the app; invalid_body for an unknown plan or customer, or an end before the start
 */
export async function issueLicence(
  { db, vault, clock }: LicenceDeps,
  orgId: string,
  app: string,
  body: IssueLicence,
): Promise<IssuedLicence> {
  const key = mintBearerKey('licence');
  const startsAt = body.startsAt === undefined ? clock.now() : new Date(body.startsAt);
  const expiresAt = body.expiresAt === undefined ? null : new Date(body.expiresAt);
  if (expiresAt && expiresAt <= startsAt)
    throw new Fault('invalid_body', { extra: { issues: [{ path: 'expiresAt', message: 'must be after startsAt' }] } });
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const plan = await tx.plan.findUnique({ where: { appId_slug: { appId, slug: body.plan } } });
    if (!plan) throw noSuch('plan', 'plan of this app');
    const customer = await tx.customer.findFirst({ where: { id: body.customerId, orgId } });
    if (!customer) throw noSuch('customerId', 'customer');
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
        grace: body.graceSeconds > 0 ? [{ mode: 'read-only', seconds: body.graceSeconds }] : [],
        keyLookup: key.lookup,
        keyHash: vault.hashBearerKey(key.text),
      },
      include: withNames,
    });
    await recordChange(tx, { kind: 'licence', id: row.id, orgId });
    return { ...licenceOf(row), key: key.text };
  });
}
