import { recordChange } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import { type IssuedLicence, type Licence, LicenceState } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey } from '@nm/kernel/ids';
import type { LicenceDeps } from './issue-licence.js';
import { type Actor, recordEvent } from './licence-events.js';
import { licenceOf, requireLicenceRow, requireLivingLicence, withNames } from './licence-row.js';
import { type LicenceMove, nextState } from './licence-states.js';

const past = { suspend: 'suspended', resume: 'resumed', revoke: 'revoked' } as const satisfies Record<
  LicenceMove,
  string
>;

/** moveLicence suspends, resumes or revokes; every gateway hears of it. @throws Fault not_found; conflict out of `revoked` */
export async function moveLicence(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  actor: Actor,
  app: string,
  id: string,
  move: LicenceMove,
): Promise<Licence> {
  const { orgId } = actor;
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLicenceRow(tx, appId, id);
    const state = nextState(LicenceState.parse(row.state), move);
    if (!state) throw new Fault('conflict', { public: `This licence is ${row.state} for good. Issue a new one.` });
    if (state === row.state) return licenceOf(row);
    const changed = await tx.licence.update({ where: { id }, data: { state }, include: withNames });
    await recordChange(tx, { kind: 'licence', id, orgId });
    await recordEvent(tx, clock, actor, id, past[move]);
    return licenceOf(changed);
  });
}

/** rotateLicence gives a licence a new key; the old one, and every session made from it, is dead at once. @throws Fault not_found; conflict when revoked */
export async function rotateLicence(
  { db, vault, clock }: LicenceDeps,
  actor: Actor,
  app: string,
  id: string,
): Promise<IssuedLicence> {
  const { orgId } = actor;
  const key = mintBearerKey('licence');
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLivingLicence(tx, appId, id);
    const changed = await tx.licence.update({
      where: { id },
      data: { keyLookup: key.lookup, keyHash: vault.hashBearerKey(key.text) },
      include: withNames,
    });
    await recordChange(tx, { kind: 'licence', id, orgId });
    await recordEvent(tx, clock, actor, id, 'rotated');
    return { ...licenceOf(changed), key: key.text };
  });
}
