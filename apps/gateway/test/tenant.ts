import { type Change, type Db, recordChange, type Tx } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { signLicenceSession } from '@nm/features/access';
import { type AccessRule, VersionSpec } from '@nm/kernel/contracts';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';

/** A publisher with one app and one published version on channel `stable`. */
export interface Tenant {
  readonly orgId: string;
  readonly org: string;
  readonly appId: string;
  readonly versionId: string;
  readonly planId: string;
  readonly customerId: string;
}

export async function makeTenant(db: Db, org: string, spec: Partial<VersionSpec> = {}): Promise<Tenant> {
  const ids = {
    orgId: newId('org'),
    appId: newId('app'),
    versionId: newId('version'),
    planId: newId('plan'),
    customerId: newId('customer'),
  };
  const { orgId, appId, versionId, planId, customerId } = ids;
  await db.asSystem(async (tx) => {
    await tx.org.create({ data: { id: orgId, slug: org, name: org } });
    await tx.app.create({ data: { id: appId, orgId, slug: 'guestbook', name: 'Guestbook' } });
    const full = VersionSpec.parse({ kind: 'container', command: ['node'], tenancy: 'app', ...spec });
    await tx.appVersion.create({
      data: { id: versionId, orgId, appId, name: '1.0.0', state: 'published', spec: full, digest: 'd' },
    });
    await tx.channel.create({ data: { id: newId('channel'), orgId, appId, name: 'stable', versionId } });
    await tx.plan.create({
      data: { id: planId, orgId, appId, slug: 'pro', name: 'Pro', entitlements: { seats: 5 }, limits: {} },
    });
    await tx.customer.create({ data: { id: customerId, orgId, name: 'Customer' } });
  });
  return { ...ids, org };
}

export interface IssuedLicence {
  readonly id: string;
  readonly key: string;
}

export interface LicenceDates {
  readonly state?: 'active' | 'suspended' | 'revoked';
  readonly startsAt?: Date;
  readonly expiresAt?: Date;
  readonly graceSeconds?: number;
}

export async function issue(db: Db, vault: Vault, tenant: Tenant, dates: LicenceDates = {}): Promise<IssuedLicence> {
  const key = mintBearerKey('licence');
  const id = newId('licence');
  await db.asSystem((tx) =>
    tx.licence.create({
      data: {
        id,
        orgId: tenant.orgId,
        appId: tenant.appId,
        planId: tenant.planId,
        customerId: tenant.customerId,
        state: dates.state ?? 'active',
        startsAt: dates.startsAt ?? new Date('2020-01-01'),
        ...(dates.expiresAt ? { expiresAt: dates.expiresAt } : {}),
        grace: dates.graceSeconds ? [{ mode: 'read-only', seconds: dates.graceSeconds }] : [],
        keyLookup: key.lookup,
        keyHash: vault.hashBearerKey(key.text),
      },
    }),
  );
  return { id, key: key.text };
}

/** openSession opens a session of a licence, as the API does for the holder of its key. */
export async function openSession(db: Db, vault: Vault, tenant: Tenant, licenceId: string, installId?: string) {
  const id = newId('licenceSession');
  const [startedAt, expiresAt] = [new Date(), new Date(Date.now() + 900_000)];
  const { keyLookup } = await db.asSystem(async (tx) => {
    await tx.licenceSession.create({
      data: { id, orgId: tenant.orgId, licenceId, startedAt, seenAt: startedAt, expiresAt },
    });
    return tx.licence.findUniqueOrThrow({ where: { id: licenceId } });
  });
  const claims = { licenceId, keyLookup, sessionId: id, installId };
  return { id, token: await signLicenceSession(claims, expiresAt, { vault, clock: systemClock }) };
}

/** setLicence changes a licence as the API does: the row and its announcement in one transaction. */
export async function setLicence(
  db: Db,
  tenant: Pick<Tenant, 'orgId'>,
  id: string,
  state: string,
  announce = true,
): Promise<void> {
  await db.asSystem(async (tx) => {
    await tx.licence.update({ where: { id }, data: { state } });
    if (announce) await recordChange(tx, { kind: 'licence', id, orgId: tenant.orgId });
  });
}

export async function addInstall(db: Db, tenant: Tenant, licenceId: string, state = 'ready') {
  const clusterId = newId('cluster');
  const installId = newId('install');
  await db.asSystem(async (tx) => {
    await tx.cluster.create({
      data: {
        id: clusterId,
        orgId: tenant.orgId,
        customerId: tenant.customerId,
        name: clusterId,
        server: 'https://127.0.0.1:1',
        credential: new Uint8Array(),
        intake: {},
      },
    });
    await tx.install.create({
      data: {
        id: installId,
        orgId: tenant.orgId,
        appId: tenant.appId,
        versionId: tenant.versionId,
        licenceId,
        clusterId,
        namespace: 'default',
        serviceAccount: 'nm',
        state,
      },
    });
    await recordChange(tx, { kind: 'install', id: installId, orgId: tenant.orgId });
  });
  return { installId, clusterId };
}

export interface InstanceRow {
  readonly observed?: string;
  readonly desired?: string;
  readonly address?: string | null;
  readonly notBefore?: Date | null;
}

/** setInstance writes what the operator would, and announces it. */
export async function setInstance(db: Db, tenant: Tenant, row: InstanceRow, installId?: string): Promise<string> {
  const slot = installId === undefined ? tenant.versionId : `${tenant.versionId}/${installId}`;
  return db.asSystem(async (tx) => {
    const { id } = await tx.instance.upsert({
      where: { slot },
      create: {
        id: newId('instance'),
        orgId: tenant.orgId,
        appId: tenant.appId,
        versionId: tenant.versionId,
        installId: installId ?? null,
        slot,
        desired: 'running',
        observed: 'ready',
        ...row,
      },
      update: row,
    });
    await recordChange(tx, { kind: 'instance', id, orgId: tenant.orgId });
    return id;
  });
}

/** writeChange writes what a publisher would, and tells the gateways. */
export const writeChange = (
  db: Db,
  { orgId }: Pick<Tenant, 'orgId'>,
  [kind, id]: readonly [kind: Change['kind'], id: string],
  work: (tx: Tx) => Promise<unknown>,
): Promise<void> =>
  db.asSystem(async (tx) => {
    await work(tx);
    await recordChange(tx, { kind, id, orgId });
  });

/** setRules saves a new version of the app's rules. */
export async function setRules(db: Db, { orgId, appId }: Tenant, rules: readonly AccessRule[]): Promise<void> {
  await writeChange(db, { orgId }, ['rules', appId], async (tx) => {
    const version = 1 + (await tx.accessRuleSet.count({ where: { appId } }));
    const ids = { id: newId('ruleSet'), orgId, appId };
    await tx.accessRuleSet.create({
      data: { ...ids, version, rules: [...rules], author: 'user_1', createdAt: new Date() },
    });
  });
}
