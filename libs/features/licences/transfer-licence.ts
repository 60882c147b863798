import { recordChange, type Tx } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import type { IssuedLicence, TransferLicence } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey } from '@nm/kernel/ids';
import type { LicenceDeps } from './issue-licence.js';
import { type Actor, recordEvent } from './licence-events.js';
import { licenceOf, requireLivingLicence, withNames } from './licence-row.js';
import { invalid, requireCustomer } from './terms.js';

/**
 * transferLicence gives a licence to another customer: a new key, and nothing of the old customer's goes with it. The old key and its sessions are dead
 * at once, users and sessions give up their seats. Installs stand on the old customer's clusters, so they have to be removed first, or given up:
 * then they are forgotten here, and what they left on those clusters stays there without a key to it.
 * @throws Fault not_found; conflict when revoked, or while there are installs; invalid_body for the present or an unknown customer
 */
export async function transferLicence(
  { db, vault, clock }: LicenceDeps,
  actor: Actor,
  app: string,
  id: string,
  body: TransferLicence,
): Promise<IssuedLicence> {
  const { orgId } = actor;
  const key = mintBearerKey('licence');
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLivingLicence(tx, appId, id);
    if (body.customerId === row.customerId) throw invalid('customerId', 'has this licence already');
    const customer = await requireCustomer(tx, orgId, body.customerId);
    const installs = await freeInstalls(tx, orgId, id, body.abandonInstalls);
    const users = await freeUsers(tx, orgId, id);
    const changed = await tx.licence.update({
      where: { id },
      data: { customerId: customer.id, keyLookup: key.lookup, keyHash: vault.hashBearerKey(key.text) },
      include: withNames,
    });
    await recordChange(tx, { kind: 'licence', id, orgId });
    const detail = { from: row.customerId, to: customer.id, installs, users };
    await recordEvent(tx, clock, actor, id, 'transferred', detail);
    return { ...licenceOf(changed), key: key.text };
  });
}

async function freeInstalls(tx: Tx, orgId: string, licenceId: string, abandon: boolean): Promise<number> {
  const installs = await tx.install.findMany({ where: { licenceId, state: { not: 'removed' } }, select: { id: true } });
  if (installs.length === 0) return 0;
  if (!abandon)
    throw new Fault('conflict', {
      public:
        'This licence has installs on clusters of its customer. Let them be removed first, or give them up (abandonInstalls).',
      extra: { installs: installs.map(({ id }) => id) },
    });
  await tx.install.updateMany({ where: { id: { in: installs.map(({ id }) => id) } }, data: { state: 'removed' } });
  for (const { id } of installs) await recordChange(tx, { kind: 'install', id, orgId });
  return installs.length;
}

async function freeUsers(tx: Tx, orgId: string, licenceId: string): Promise<number> {
  const sessions = await tx.licenceSession.findMany({ where: { licenceId }, select: { id: true } });
  await tx.licenceSession.deleteMany({ where: { licenceId } });
  for (const { id } of sessions) await recordChange(tx, { kind: 'session', id, orgId });
  return (await tx.licenceUser.deleteMany({ where: { licenceId } })).count;
}
