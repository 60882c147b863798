import type { LicenseePrincipal } from '@nm/features/access';
import { Entitlements, LicenceState, type LicenceView, Limits } from '@nm/kernel/contracts';
import { codes, Fault } from '@nm/kernel/fault';
import { type Decision, standingOf } from '@nm/kernel/licensing';
import type { LicenceDeps } from './issue-licence.js';
import { factsOf } from './licence-row.js';

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
  const row = await db.withOrg(principal.orgId, (tx) =>
    tx.licence.findUnique({
      where: { id: principal.licenceId },
      include: { plan: true, customer: true, app: { include: { org: true } } },
    }),
  );
  if (!row) throw new Fault('not_found');
  const decision = standingOf(factsOf(row), clock.nowMs());
  const { app, plan } = row;
  return {
    id: row.id,
    org: { slug: app.org.slug, name: app.org.name },
    app: { slug: app.slug, name: app.name },
    plan: { slug: plan.slug, name: plan.name },
    customer: row.customer.name,
    state: LicenceState.parse(row.state),
    decision: { effect: decision.effect, code: decision.code, message: messageOf(decision) },
    startsAt: row.startsAt.toISOString(),
    ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
    entitlements: Entitlements.parse(plan.entitlements),
    limits: Limits.parse(plan.limits),
    url: `${gatewayUrl}/kama/${app.org.slug}/${app.slug}`,
  };
}
