import type { Tx } from '@nm/adapters/db';
import { Entitlements, GraceSteps, VersionSpec } from '@nm/kernel/contracts';
import type { LicenceFacts } from '@nm/kernel/licensing';
import type { AppEntry, InstallEntry, InstanceEntry, LicenceEntry, VersionEntry } from './entries.js';

/** loadLicence reads one licence with what its plan grants. */
export async function loadLicence(tx: Tx, id: string): Promise<LicenceEntry | undefined> {
  const row = await tx.licence.findUnique({ where: { id }, include: { plan: { select: { entitlements: true } } } });
  if (!row) return undefined;
  return {
    id: row.id,
    orgId: row.orgId,
    appId: row.appId,
    keyLookup: row.keyLookup,
    keyHash: row.keyHash,
    facts: {
      state: row.state as LicenceFacts['state'],
      startsAtMs: row.startsAt.getTime(),
      expiresAtMs: row.expiresAt?.getTime(),
      grace: GraceSteps.parse(row.grace),
      trial: row.trial,
    },
    entitlements: Entitlements.parse(row.plan.entitlements),
  };
}

/** loadLicenceIdByLookup finds whose key this could be; the caller compares the hash. */
export async function loadLicenceIdByLookup(tx: Tx, lookup: string): Promise<string | undefined> {
  return (await tx.licence.findUnique({ where: { keyLookup: lookup }, select: { id: true } }))?.id;
}

export async function loadApp(tx: Tx, org: string, app: string): Promise<AppEntry | undefined> {
  const row = await tx.app.findFirst({ where: { slug: app, org: { slug: org } }, select: { id: true, orgId: true } });
  return row ? { ...row, org, app } : undefined;
}

/** loadVersion resolves a version's name, else a channel's, to a published version. */
export async function loadVersion(tx: Tx, appId: string, selector: string): Promise<VersionEntry | undefined> {
  const row =
    (await tx.appVersion.findFirst({ where: { appId, name: selector, state: 'published' } })) ??
    (await tx.channel.findFirst({ where: { appId, name: selector }, include: { version: true } }))?.version;
  if (row?.state !== 'published') return undefined;
  const spec = VersionSpec.parse(row.spec);
  return {
    id: row.id,
    appId: row.appId,
    orgId: row.orgId,
    name: row.name,
    tenancy: spec.tenancy,
    startSeconds: spec.startSeconds,
    idleSeconds: spec.idleSeconds,
  };
}

/** loadInstalls reads the installs of a licence that still exist. */
export async function loadInstalls(tx: Tx, licenceId: string): Promise<readonly InstallEntry[]> {
  return tx.install.findMany({
    where: { licenceId, state: { not: 'removed' } },
    select: { id: true, orgId: true, licenceId: true, clusterId: true, namespace: true, state: true },
    orderBy: { id: 'asc' },
  });
}

export async function loadInstance(tx: Tx, slot: string): Promise<InstanceEntry | undefined> {
  const row = await tx.instance.findUnique({ where: { slot } });
  if (!row) return undefined;
  return {
    id: row.id,
    orgId: row.orgId,
    observed: row.observed,
    desired: row.desired,
    address: row.address ?? undefined,
    notBeforeMs: row.notBefore?.getTime(),
  };
}
