import { readFile } from 'node:fs/promises';
import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { Vault } from '@nm/adapters/vault';
import type { LicenseePrincipal } from '@nm/features/access';
import {
  type Advance,
  advanceRun,
  queueRun,
  RunCancellations,
  type RunEngine,
  type RunScope,
  readRun,
  sweepRuns,
} from '@nm/features/actions';
import { ClusterSessions, registerCluster } from '@nm/features/clusters';
import { createInstall, previewInstall } from '@nm/features/installs';
import { type RbacPolicy, type Run, type RunPlan, VersionSpec } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { inject } from 'vitest';
import { targetOf } from './admin-target.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

export interface QueueOptions {
  readonly timeoutSeconds?: number;
  readonly idempotencyKey?: string;
  /** Another install than the first. */
  readonly installId?: string;
}

/** RunLab is a licensee with a registered real cluster and one install on it, and engines that work on its runs. */
export interface RunLab {
  readonly database: TestDatabase;
  readonly principal: LicenseePrincipal;
  readonly scope: RunScope;
  readonly installId: string;
  readonly provisionRunId: string;
  readonly namespace: string;
  /** The cluster's administrator. */
  readonly admin: KubeSession;
  readonly masterKey: Buffer;
  /** Makes one more install, in a namespace of its own. */
  addInstall(): Promise<{ readonly id: string; readonly namespace: string }>;
  engine(overrides?: Partial<RunEngine>): RunEngine;
  queue(plan: RunPlan, options?: QueueOptions): Promise<string>;
  read(runId: string): Promise<Run>;
  /** Works on a run as workers and their sweepers do, until it has ended or waits for somebody. */
  advance(runId: string): Promise<Advance>;
  close(): Promise<void>;
}

const masterKey = Buffer.alloc(32, 7);
const never = new AbortController().signal;
/** What passes by itself. */
const passing = new Set<string>(['time', 'kama', 'condition']);
/** The test cluster answers on loopback. */
export const labPolicy = (): EgressPolicy => new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });

export interface RunLabOptions {
  /** Closed with the lab. */
  readonly database?: TestDatabase;
  /** Administrator of another cluster than the run's. */
  readonly kubeconfigPath?: string | undefined;
}

/** openRunLab registers a cluster, installs an app with this policy, and works the provisioning run off. */
export async function openRunLab(
  rbac: RbacPolicy,
  { database: own, kubeconfigPath = inject('kubeconfigPath') }: RunLabOptions = {},
): Promise<RunLab> {
  const database = own ?? (await createTestDatabase());
  const { db } = database;
  const policy = labPolicy();
  const deps = { db, clock, policy, vault: new Vault(masterKey) };
  const sessions = new ClusterSessions(deps);
  const cancellations = new RunCancellations({ url: database.url, onError: () => undefined });
  const egress = createEgressAgent(policy);
  const kubeconfig = await readFile(kubeconfigPath, 'utf8');
  const admin = new KubeSession(targetOf(kubeconfig), { policy });
  const principal = await seedLicensee(database, rbac);
  const cluster = await registerCluster(deps, principal, { name: 'lab', kubeconfig, allowInsecureTls: false });
  const scope = { orgId: principal.orgId, licenceId: principal.licenceId };
  const engine = (overrides: Partial<RunEngine> = {}): RunEngine => ({
    ...{ db, clock, vault: deps.vault, sessions, cancellations, egress, worker: 'lab', leaseMs: 5_000 },
    onFault: () => undefined,
    ...overrides,
  });
  const read = (runId: string) => readRun(db, scope, runId);
  const sweep = () => sweepRuns({ db, clock, advance: async () => undefined, onError: () => undefined });
  const advance = async (runId: string): Promise<Advance> => {
    for (;;) {
      const outcome = await advanceRun(engine(), runId, never);
      if (outcome !== 'waits') return outcome;
      for (let run = await read(runId); run.status === 'waiting'; run = await read(runId)) {
        if (!passing.has(run.waiting?.reason ?? '')) return outcome;
        await clock.sleep(100);
        await sweep();
      }
    }
  };
  const namespaces: string[] = [];
  const provision = async () => {
    const namespace = `runs-${newId('request').slice(-10)}`;
    const place = { clusterId: cluster.id, namespace };
    const { acceptClusterRoles } = await previewInstall(deps, principal, place);
    const accept = acceptClusterRoles ? { acceptClusterRoles } : {};
    const install = await createInstall(deps, principal, { ...place, ...accept });
    namespaces.push(namespace);
    await advance(install.provisionRunId ?? '');
    return install;
  };
  const install = await provision();
  const provisionRunId = install.provisionRunId ?? '';
  const { namespace } = install;
  return {
    ...{ database, principal, scope, namespace, admin, engine, masterKey, provisionRunId, installId: install.id },
    ...{ read, advance },
    addInstall: provision,
    queue: async (plan, options = {}) => {
      const { orgId, licenceId } = principal;
      const run = { orgId, licenceId, installId: install.id, plan, timeoutSeconds: 120, ...options };
      const work = { ...run, kind: 'action' as const, action: 'test', title: 'Test' };
      return (await db.withOrg(orgId, (tx) => queueRun(tx, work, deps))).id;
    },
    close: async () => {
      for (const name of namespaces) await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name });
      await Promise.allSettled([admin.close(), sessions.close(), cancellations.close(), egress.destroy()]);
      await database.close();
    },
  };
}

async function seedLicensee({ db }: TestDatabase, rbac: RbacPolicy): Promise<LicenseePrincipal> {
  const [orgId, appId, licenceId, customerId] = [newId('org'), newId('app'), newId('licence'), newId('customer')];
  const [versionId, planId] = [newId('version'), newId('plan')];
  await db.asSystem(async (tx) => {
    await tx.org.create({ data: { id: orgId, slug: orgId, name: 'Acme' } });
    await tx.app.create({ data: { id: appId, orgId, slug: 'guestbook', name: 'Guestbook' } });
    await tx.appVersion.create({
      data: {
        ...{ id: versionId, orgId, appId, name: '1.0.0', state: 'published', digest: 'sha256:0' },
        spec: VersionSpec.parse({ kind: 'container', command: ['true'], rbac }) as object,
      },
    });
    await tx.channel.create({ data: { id: newId('channel'), orgId, appId, name: 'stable', versionId } });
    await tx.plan.create({
      data: { id: planId, orgId, appId, slug: 'team', name: 'Team', entitlements: {}, limits: { installsMax: 200 } },
    });
    await tx.customer.create({ data: { id: customerId, orgId, name: 'Initech' } });
    await tx.licence.create({
      data: {
        ...{ id: licenceId, orgId, appId, planId, customerId, state: 'active' },
        ...{ startsAt: clock.now(), keyLookup: licenceId, keyHash: Buffer.alloc(1) },
      },
    });
  });
  return { kind: 'licensee', orgId, appId, licenceId, customerId };
}
