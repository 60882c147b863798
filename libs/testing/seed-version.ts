import { VersionSpec } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import type pg from 'pg';

export interface SeededVersion {
  readonly orgId: string;
  readonly appId: string;
  readonly versionId: string;
  readonly installIds: readonly string[];
}

export interface SeedOptions {
  readonly spec?: Partial<VersionSpec>;
  readonly installs?: number;
}

/** seedVersion writes, as the owner of the database, a publisher with one published version and, on wish, installs of it. */
export async function seedVersion(owner: pg.Client, options: SeedOptions = {}): Promise<SeededVersion> {
  const [orgId, appId, versionId] = [newId('org'), newId('app'), newId('version')];
  const slug = orgId.slice(-10);
  const spec = VersionSpec.parse({ kind: 'container', command: ['true'], ...options.spec });
  await owner.query(`INSERT INTO org (id, slug, name) VALUES ($1, $2, 'Acme')`, [orgId, slug]);
  await owner.query(`INSERT INTO app (id, org_id, slug, name) VALUES ($1, $2, 'guestbook', 'Guestbook')`, [
    appId,
    orgId,
  ]);
  await owner.query(
    `INSERT INTO app_version (id, org_id, app_id, name, state, spec, digest, published_at)
     VALUES ($1, $2, $3, '1.0.0', 'published', $4, 'sha256:0', now())`,
    [versionId, orgId, appId, JSON.stringify(spec)],
  );
  const installIds: string[] = [];
  for (let i = 0; i < (options.installs ?? 0); i++) installIds.push(await seedInstall(owner, orgId, appId, versionId));
  return { orgId, appId, versionId, installIds };
}

async function seedInstall(owner: pg.Client, orgId: string, appId: string, versionId: string): Promise<string> {
  const [planId, customerId] = [newId('plan'), newId('customer')];
  const [licenceId, clusterId, installId] = [newId('licence'), newId('cluster'), newId('install')];
  await owner.query(
    `INSERT INTO plan (id, org_id, app_id, slug, name, entitlements, limits) VALUES ($1, $2, $3, $4, 'Team', '{}', '{}')`,
    [planId, orgId, appId, planId.slice(-10)],
  );
  await owner.query(`INSERT INTO customer (id, org_id, name) VALUES ($1, $2, 'Initech')`, [customerId, orgId]);
  await owner.query(
    `INSERT INTO licence (id, org_id, app_id, plan_id, customer_id, state, starts_at, key_lookup, key_hash, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'active', now(), $6, '\\x00', now())`,
    [licenceId, orgId, appId, planId, customerId, licenceId.slice(-12)],
  );
  await owner.query(
    `INSERT INTO cluster (id, org_id, customer_id, name, server, credential, intake)
     VALUES ($1, $2, $3, $4, 'https://127.0.0.1:1', '\\x00', '{}')`,
    [clusterId, orgId, customerId, clusterId.slice(-10)],
  );
  await owner.query(
    `INSERT INTO install (id, org_id, app_id, version_id, licence_id, cluster_id, namespace, service_account, state)
     VALUES ($1, $2, $3, $4, $5, $6, 'guestbook', 'nm-test', 'ready')`,
    [installId, orgId, appId, versionId, licenceId, clusterId],
  );
  return installId;
}
