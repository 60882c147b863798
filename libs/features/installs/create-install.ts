import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { type QueueRunDeps, queueRun } from '@nm/features/actions';
import { type CreateInstall, type Install, Limits } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { provisionPlan } from './install-plans.js';
import { findInstall, installView, policyOf } from './install-row.js';
import { clusterRolesDigest, requireAccepted } from './preview-install.js';
import { stableVersion } from './stable-version.js';

export interface InstallDeps extends QueueRunDeps {
  readonly db: Db;
}

const provisionSeconds = 300;
/** Characters of the id's random end that name the ServiceAccount. */
const nameChars = 12;

/**
 * createInstall writes the install and queues the run that prepares its namespace, in one transaction.
 * @throws Fault not_found (cluster), install_limit, no_published_version, already_exists, cluster_roles_not_accepted, invalid_body for a namespace of
 * the system
 */
export async function createInstall(
  deps: InstallDeps,
  principal: LicenseePrincipal,
  body: CreateInstall,
): Promise<Install> {
  const { clusterId, namespace } = body;
  if (namespace.startsWith('kube-')) throw systemNamespace();
  return deps.db.withOrg(principal.orgId, async (tx) => {
    await takeLicenceSlot(tx, principal);
    const cluster = await tx.cluster.findFirst({ where: { id: clusterId, customerId: principal.customerId } });
    if (!cluster) throw new Fault('not_found');
    const version = await stableVersion(tx, principal.appId);
    const policy = policyOf(version.spec);
    requireAccepted(policy, body.acceptClusterRoles);
    await makeRoom(tx, { clusterId, namespace, appId: principal.appId });

    const id = newId('install', deps.clock.nowMs());
    const serviceAccount = `nm-${id.slice(-nameChars)}`;
    const { orgId, appId, licenceId } = principal;
    await tx.install.create({
      data: {
        ...{ id, orgId, appId, licenceId, clusterId, namespace, serviceAccount },
        versionId: version.id,
        state: 'provisioning',
        acceptedClusterRoles: clusterRolesDigest(policy) ?? null,
        createdAt: deps.clock.now(),
      },
    });
    const plan = provisionPlan({ installId: id, namespace, serviceAccount }, policy);
    const run = await queueRun(
      tx,
      {
        ...{ orgId, installId: id, licenceId, plan },
        kind: 'provision',
        action: 'provision',
        title: `Prepare ${namespace} on ${cluster.name}`,
        timeoutSeconds: provisionSeconds,
      },
      deps,
    );
    await tx.install.update({ where: { id }, data: { provisionRunId: run.id } });
    await recordChange(tx, { kind: 'install', id, orgId });
    return installView(await findInstall(tx, principal, id), version.name);
  });
}

/** The licence's row is locked, so two requests at once cannot both take the last install. @throws Fault install_limit */
async function takeLicenceSlot(tx: Tx, { licenceId }: LicenseePrincipal): Promise<void> {
  await tx.$queryRaw`SELECT id FROM licence WHERE id = ${licenceId} FOR UPDATE`;
  const licence = await tx.licence.findUnique({ where: { id: licenceId }, include: { plan: true } });
  if (!licence) throw new Fault('not_found');
  const { installsMax } = Limits.parse(licence.plan.limits);
  const installs = await tx.install.count({ where: { licenceId, state: { not: 'removed' } } });
  if (installs >= installsMax) throw new Fault('install_limit', { extra: { installs, installsMax } });
}

interface Site {
  readonly clusterId: string;
  readonly namespace: string;
  readonly appId: string;
}

/** One app stands once in a namespace; a removed install gives its place back. @throws Fault already_exists */
async function makeRoom(tx: Tx, site: Site): Promise<void> {
  const there = await tx.install.findFirst({ where: site, select: { id: true, state: true } });
  if (!there) return;
  if (there.state !== 'removed')
    throw new Fault('already_exists', { public: `The app is installed in the namespace ${site.namespace} already.` });
  await tx.install.delete({ where: { id: there.id } });
}

const systemNamespace = (): Fault =>
  new Fault('invalid_body', {
    extra: { issues: [{ path: 'namespace', message: 'kube-* namespaces belong to Kubernetes itself' }] },
  });
