import { recordChange, type Tx } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import type { ConvertTrial, Licence, RenewLicence } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { licenceFactsOf, timelineOf } from '@nm/kernel/licensing';
import type { LicenceDeps } from './issue-licence.js';
import { type Actor, recordEvent } from './licence-events.js';
import { type FullLicenceRow, licenceOf, requireLivingLicence, withNames } from './licence-row.js';
import { graceOf, invalid, requirePlan } from './terms.js';

const instant = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null);

/**
 * renewLicence moves the end of a licence later, or away; its key, seats and installs stay. A first-use period that has begun becomes a fixed end.
 * @throws Fault not_found; conflict when revoked; invalid_body for an end that is not later, or in the past
 */
export async function renewLicence(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  actor: Actor,
  app: string,
  id: string,
  body: RenewLicence,
): Promise<Licence> {
  const { orgId } = actor;
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLivingLicence(tx, appId, id);
    const { expiresAtMs: from } = timelineOf(licenceFactsOf(row));
    const to = body.expiresAt === null ? Infinity : Date.parse(body.expiresAt);
    if (to <= Math.max(from, row.startsAt.getTime()))
      throw invalid('expiresAt', `must be after the present end, ${instant(from) ?? 'which is never'}`);
    if (to <= clock.nowMs()) throw invalid('expiresAt', 'is in the past');
    const detail = { from: instant(from), to: instant(to) };
    return write(tx, clock, actor, row, { ...body, plan: body.plan, kind: 'renewed', detail });
  });
}

/** convertTrial makes a trial a full licence, with the same key. @throws Fault not_found; conflict when revoked or no trial; invalid_body */
export async function convertTrial(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  actor: Actor,
  app: string,
  id: string,
  body: ConvertTrial,
): Promise<Licence> {
  const { orgId } = actor;
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await requireLivingLicence(tx, appId, id);
    if (!row.trial) throw new Fault('conflict', { public: 'This licence is no trial. Renew it instead.' });
    if (body.expiresAt !== null && Date.parse(body.expiresAt) <= clock.nowMs())
      throw invalid('expiresAt', 'is in the past');
    return write(tx, clock, actor, row, { ...body, kind: 'converted', detail: { to: body.expiresAt } });
  });
}

interface Terms {
  readonly kind: 'renewed' | 'converted';
  readonly expiresAt: string | null;
  readonly plan?: string | undefined;
  readonly grace?: RenewLicence['grace'];
  readonly detail: Readonly<Record<string, string | null>>;
}

async function write(
  tx: Tx,
  clock: LicenceDeps['clock'],
  actor: Actor,
  row: FullLicenceRow,
  terms: Terms,
): Promise<Licence> {
  const { orgId } = actor;
  const plan = terms.plan === undefined ? undefined : await requirePlan(tx, row.appId, terms.plan);
  const changed = await tx.licence.update({
    where: { id: row.id },
    data: {
      expiresAt: terms.expiresAt === null ? null : new Date(terms.expiresAt),
      expiresAfterFirstUseSeconds: null,
      ...(terms.kind === 'converted' ? { trial: false } : {}),
      ...(plan ? { planId: plan.id } : {}),
      ...(terms.grace === undefined ? {} : { grace: graceOf(terms) }),
    },
    include: withNames,
  });
  await recordChange(tx, { kind: 'licence', id: row.id, orgId });
  await recordEvent(tx, clock, actor, row.id, terms.kind, { ...terms.detail, plan: changed.plan.slug });
  return licenceOf(changed);
}
