import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { type RbacPolicy, VersionSpec } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';

export interface SeedLicensee {
  /** What the published version on `stable` may do; without it there is no version. */
  readonly rbac?: RbacPolicy;
  readonly installsMax?: number;
}

/** seedLicensee writes a publisher with an app, and a customer with an active licence for it. The licence's key opens nothing. */
export async function seedLicensee(db: Db, { rbac, installsMax = 1 }: SeedLicensee = {}): Promise<LicenseePrincipal> {
  const [orgId, appId, planId, customerId, licenceId, versionId] = [
    newId('org'),
    newId('app'),
    newId('plan'),
    newId('customer'),
    newId('licence'),
    newId('version'),
  ] as const;
  await db.asSystem(async (tx) => {
    await tx.org.create({ data: { id: orgId, slug: orgId.replace('_', '-'), name: 'Org' } });
    await tx.app.create({ data: { id: appId, orgId, slug: 'guestbook', name: 'Guestbook' } });
    await tx.plan.create({
      data: { id: planId, orgId, appId, slug: 'basic', name: 'Basic', entitlements: {}, limits: { installsMax } },
    });
    await tx.customer.create({ data: { id: customerId, orgId, name: 'Customer' } });
    await tx.licence.create({
      data: {
        ...{ id: licenceId, orgId, appId, planId, customerId },
        state: 'active',
        startsAt: new Date('2020-01-01T00:00:00Z'),
        keyLookup: licenceId,
        keyHash: new Uint8Array(32),
      },
    });
    if (!rbac) return;
    const spec = VersionSpec.parse({ kind: 'container', command: ['node', 'x.js'], rbac });
    await tx.appVersion.create({
      data: { id: versionId, orgId, appId, name: '1.0.0', state: 'published', spec, digest: 'sha256:0' },
    });
    await tx.channel.create({ data: { id: newId('channel'), orgId, appId, name: 'stable', versionId } });
  });
  return { kind: 'licensee', orgId, appId, licenceId, customerId };
}
