import type { Tx } from '@nm/adapters/db';
import { AccessRule, Entitlements, Limits, UsageLimits, VersionSpec } from '@nm/kernel/contracts';
import { cohortOf } from '@nm/kernel/ids';
import { type CompiledRules, licenceFactsOf, loadRules, noRules, type AccessRule as Rule } from '@nm/kernel/licensing';
import { z } from 'zod';
import type {
  AppEntry,
  InstallEntry,
  InstallTokenEntry,
  InstanceEntry,
  LicenceEntry,
  Selection,
  SessionEntry,
  VersionEntry,
} from './entries.js';

const StoredRules = z.array(AccessRule);
/** A rule that matches everybody and cannot be evaluated: stored rules that nobody can read say no. */
const unreadable: Rule = { id: 'unreadable', name: 'Rules that cannot be read', effect: 'deny', when: '' };

/** loadLicence reads one licence with what its plan grants. */
export async function loadLicence(tx: Tx, id: string): Promise<LicenceEntry | undefined> {
  const row = await tx.licence.findUnique({
    where: { id },
    include: {
      plan: { select: { slug: true, entitlements: true, limits: true, suspendedAccess: true } },
      customer: { select: { id: true, name: true } },
      app: { select: { slug: true, org: { select: { slug: true } } } },
    },
  });
  if (!row) return undefined;
  const { plan, customer, app } = row;
  const limits = Limits.parse(plan.limits);
  return {
    id: row.id,
    orgId: row.orgId,
    appId: row.appId,
    appPath: `${app.org.slug}/${app.slug}`,
    keyLookup: row.keyLookup,
    keyHash: row.keyHash,
    cohort: cohortOf(row.id),
    facts: { id: row.id, ...licenceFactsOf(row) },
    plan: { slug: plan.slug, entitlements: Entitlements.parse(plan.entitlements), limits },
    limits,
    customer,
    suspendedAccess: plan.suspendedAccess === 'read-only' ? 'read-only' : 'shut',
    factsVersion: row.updatedAt.toISOString(),
    expiresText: row.expiresAt?.toISOString(),
  };
}

/** loadLicenceIdByLookup finds whose key this could be; the caller compares the hash. */
export async function loadLicenceIdByLookup(tx: Tx, lookup: string): Promise<string | undefined> {
  return (await tx.licence.findUnique({ where: { keyLookup: lookup }, select: { id: true } }))?.id;
}

export async function loadSession(tx: Tx, id: string): Promise<SessionEntry | undefined> {
  const row = await tx.licenceSession.findUnique({ where: { id }, select: { licenceId: true, endedAt: true } });
  return row ? { id, licenceId: row.licenceId, ended: row.endedAt !== null } : undefined;
}

/** loadApp reads an app with the rules that are in force. @param path `org/app` */
export async function loadApp(tx: Tx, path: string): Promise<AppEntry | undefined> {
  const [org = '', app = ''] = path.split('/');
  const row = await tx.app.findFirst({
    where: { slug: app, org: { slug: org } },
    include: {
      org: { select: { limits: true, renewalUrl: true } },
      ruleSets: { orderBy: { version: 'desc' }, take: 1, select: { version: true, rules: true } },
    },
  });
  if (!row) return undefined;
  const [ruleSet] = row.ruleSets;
  return {
    id: row.id,
    orgId: row.orgId,
    org,
    app,
    kind: row.kind === 'ktea' ? 'ktea' : 'kama',
    engines: row.engines,
    corsOrigins: row.corsOrigins,
    rules: rulesOf(ruleSet?.rules),
    ruleSetVersion: ruleSet?.version,
    limits: UsageLimits.parse(row.limits),
    orgLimits: UsageLimits.parse(row.org.limits),
    renewalUrl: row.renewalUrl ?? row.org.renewalUrl ?? undefined,
  };
}

function rulesOf(stored: unknown): CompiledRules {
  if (stored === undefined) return noRules;
  const rules = StoredRules.safeParse(stored);
  return loadRules(rules.success ? rules.data : [unreadable]);
}

/** loadSelection resolves a version's name, else a channel's, to published versions. */
export async function loadSelection(tx: Tx, appId: string, selector: string): Promise<Selection | undefined> {
  const named = await tx.appVersion.findFirst({ where: { appId, name: selector, state: 'published' } });
  if (named) return { version: versionOf(named), next: undefined, nextPercent: 0, channel: undefined };
  const channel = await tx.channel.findFirst({
    where: { appId, name: selector },
    include: { version: true, nextVersion: true },
  });
  if (channel?.version.state !== 'published') return undefined;
  const { version, nextVersion, nextPercent } = channel;
  return {
    version: versionOf(version),
    next: nextVersion?.state === 'published' ? versionOf(nextVersion) : undefined,
    nextPercent,
    channel: selector,
  };
}

interface VersionRow {
  readonly id: string;
  readonly appId: string;
  readonly orgId: string;
  readonly name: string;
  readonly spec: unknown;
}

function versionOf({ id, appId, orgId, name, spec }: VersionRow): VersionEntry {
  const { tenancy, startSeconds, idleSeconds, encodedSlashes = false } = VersionSpec.parse(spec);
  return { id, appId, orgId, name, tenancy, startSeconds, idleSeconds, encodedSlashes };
}

/** loadInstalls reads the installs of a licence that still exist. */
export async function loadInstalls(tx: Tx, licenceId: string): Promise<readonly InstallEntry[]> {
  return tx.install.findMany({
    where: { licenceId, state: { not: 'removed' } },
    select: {
      id: true,
      orgId: true,
      licenceId: true,
      clusterId: true,
      namespace: true,
      state: true,
      clusterAccess: true,
    },
    orderBy: { id: 'asc' },
  });
}

/** loadInstallToken reads what a token is still worth. */
export async function loadInstallToken(tx: Tx, id: string): Promise<InstallTokenEntry | undefined> {
  const row = await tx.installToken.findUnique({
    where: { id },
    include: { instance: { select: { desired: true, observed: true } } },
  });
  if (!row) return undefined;
  const { name, installId, licenceId, instance } = row;
  const instanceId = row.instanceId ?? undefined;
  const runs = instance?.desired === 'running' && (instance.observed === 'starting' || instance.observed === 'ready');
  const good = row.revokedAt === null && (instanceId === undefined || runs);
  return { id, name, installId, licenceId, instanceId, good };
}

export async function loadInstance(tx: Tx, slot: string): Promise<InstanceEntry | undefined> {
  const row = await tx.instance.findUnique({ where: { slot } });
  if (!row) return undefined;
  const { observed, desired } = row;
  const address = row.address ?? undefined;
  const usable = observed === 'ready' && desired === 'running' && address !== undefined;
  return {
    id: row.id,
    orgId: row.orgId,
    observed,
    desired,
    address,
    origin: usable ? (address.startsWith('http://') ? address : `http://${address}`) : undefined,
    notBeforeMs: row.notBefore?.getTime(),
  };
}
