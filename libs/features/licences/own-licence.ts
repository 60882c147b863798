import type { LicenseePrincipal } from '@nm/features/access';
import { Entitlements, GraceSteps, LicenceState, type LicenceView, Limits } from '@nm/kernel/contracts';
import { codes, Fault } from '@nm/kernel/fault';
import { type Decision, licenceFactsOf, standingOf, type Timeline, timelineOf } from '@nm/kernel/licensing';
import type { LicenceDeps } from './issue-licence.js';
import { countSeats, seatUse } from './seat-use.js';

const allowed: Readonly<Partial<Record<Decision['code'], string>>> = {
  licence_active: 'The licence is valid.',
  licence_grace_full: 'The licence has expired and is in its grace period: everything is still allowed. Renew it soon.',
  licence_grace: 'The licence has expired and is in its grace period: reading is allowed. Renew it to change anything.',
};

const messageOf = ({ effect, code }: Decision): string =>
  allowed[code] ?? (effect === 'deny' ? codes[code].message : '');

/** readOwnLicence tells a licensee about its licence, whatever its state, and what a request would be told now. @throws Fault not_found */
export async function readOwnLicence(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  principal: LicenseePrincipal,
  gatewayUrl: string,
): Promise<LicenceView> {
  const now = clock.now();
  const { row, used } = await db.withOrg(principal.orgId, async (tx) => {
    const found = await tx.licence.findUnique({
      where: { id: principal.licenceId },
      include: { plan: true, customer: true, app: { include: { org: true } } },
    });
    if (!found) throw new Fault('not_found');
    return { row: found, used: await countSeats(tx, found.id, now) };
  });
  const facts = licenceFactsOf(row);
  const decision = standingOf(facts, now.getTime());
  const { app, plan } = row;
  const limits = Limits.parse(plan.limits);
  const renewalUrl = app.renewalUrl ?? app.org.renewalUrl;
  return {
    id: row.id,
    org: { slug: app.org.slug, name: app.org.name },
    app: { slug: app.slug, name: app.name },
    plan: { slug: plan.slug, name: plan.name },
    customer: row.customer.name,
    state: LicenceState.parse(row.state),
    decision: { effect: decision.effect, code: decision.code, message: messageOf(decision) },
    trial: row.trial,
    startsAt: row.startsAt.toISOString(),
    ...endOf(timelineOf(facts), now.getTime()),
    ...(facts.firstUse ? { expiresAfterFirstUseSeconds: facts.firstUse.seconds } : {}),
    grace: GraceSteps.parse(row.grace),
    seats: seatUse(used, limits),
    ...(renewalUrl === null ? {} : { renewalUrl }),
    entitlements: Entitlements.parse(plan.entitlements),
    limits,
    url: `${gatewayUrl}/kama/${app.org.slug}/${app.slug}`,
  };
}

const dayMs = 86_400_000;

function endOf(
  { expiresAtMs, endsAtMs }: Timeline,
  nowMs: number,
): Pick<LicenceView, 'expiresAt' | 'daysLeft' | 'endsAt'> {
  if (expiresAtMs === Infinity) return {};
  return {
    expiresAt: new Date(expiresAtMs).toISOString(),
    daysLeft: Math.floor((expiresAtMs - nowMs) / dayMs),
    endsAt: new Date(endsAtMs).toISOString(),
  };
}
