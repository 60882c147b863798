import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import type { InstallPrincipal, LicenseePrincipal } from '@nm/features/access';
import type { ContextKeys } from '@nm/features/context';
import {
  type CreateKubeconfig,
  clusterTokenSecondsMax,
  type InstallToken,
  type Kubeconfig,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { kubeconfigText } from './kubeconfig.js';
import { ownInstall } from './own-install.js';
import { tokenView } from './tokens.js';

export interface TokenDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Pick<ContextKeys, 'signCluster'>;
  readonly gatewayUrl: string;
  /** Certificates (PEM) that prove the gateway, when no public authority does. */
  readonly gatewayCa?: string | undefined;
}

/** Tokens of one install that may be good at once. */
const liveMax = 200;

/**
 * createKubeconfig makes a kubeconfig for a licensee's own use. Its token is worth the install, for an hour at most, and is told this once.
 * @throws Fault not_found, install_not_ready; conflict when too many tokens are good already
 */
export async function createKubeconfig(
  deps: TokenDeps,
  principal: LicenseePrincipal,
  installId: string,
  { name, seconds, readOnly }: CreateKubeconfig,
): Promise<Kubeconfig> {
  const createdBy = principal.session?.id ?? principal.licenceId;
  const mode = readOnly ? 'read-only' : 'full';
  const made = await deps.db.withOrg(principal.orgId, async (tx) => {
    const install = await ownInstall(tx, principal, installId);
    return addToken(tx, deps.clock, install, { name, seconds, mode, createdBy });
  });
  return kubeconfigOf(deps, made);
}

/**
 * instanceKubeconfig makes the kubeconfig of a hosted KAMA that serves one install, for libraries that take nothing else. Its token is worth what the
 * request's own is, for an hour at most, and ends with the instance.
 * @throws Fault not_found when no instance runs for that install alone; install_not_ready, conflict
 */
export async function instanceKubeconfig(deps: TokenDeps, principal: InstallPrincipal): Promise<Kubeconfig> {
  const { orgId, installId, versionId, mode } = principal;
  const made = await deps.db.withOrg(orgId, async (tx) => {
    const instance = await tx.instance.findFirst({
      where: { installId, versionId, desired: 'running', observed: { in: ['starting', 'ready'] } },
      include: { install: true },
    });
    if (!instance?.install) throw new Fault('not_found', { public: noInstance });
    const { id } = instance;
    const wanted = { name: `instance ${id}`, seconds: clusterTokenSecondsMax, mode, createdBy: id, instanceId: id };
    return addToken(tx, deps.clock, instance.install, wanted);
  });
  return kubeconfigOf(deps, made);
}

const noInstance =
  'No instance runs for this install alone. One that serves many installs uses the token of each request.';

interface InstallFacts {
  readonly id: string;
  readonly orgId: string;
  readonly licenceId: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly state: string;
}

interface NewToken {
  readonly name: string;
  readonly seconds: number;
  readonly mode: InstallToken['mode'];
  readonly createdBy: string;
  readonly instanceId?: string;
}

type TokenRow = Awaited<ReturnType<Tx['installToken']['create']>>;
interface Made {
  readonly install: InstallFacts;
  readonly row: TokenRow;
  readonly seconds: number;
}

async function addToken(tx: Tx, clock: Clock, install: InstallFacts, wanted: NewToken): Promise<Made> {
  if (install.state !== 'ready') throw new Fault('install_not_ready', { extra: { state: install.state } });
  const now = clock.now();
  const live = await tx.installToken.count({
    where: { installId: install.id, revokedAt: null, expiresAt: { gt: now } },
  });
  if (live >= liveMax)
    throw new Fault('conflict', { public: 'This install has too many tokens that are good. Revoke some first.' });
  const { seconds, ...columns } = wanted;
  const row = await tx.installToken.create({
    data: {
      ...columns,
      id: newId('installToken', clock.nowMs()),
      orgId: install.orgId,
      installId: install.id,
      licenceId: install.licenceId,
      createdAt: now,
      expiresAt: new Date(now.getTime() + seconds * 1000),
    },
  });
  return { install, row, seconds };
}

async function kubeconfigOf(deps: TokenDeps, { install, row, seconds }: Made): Promise<Kubeconfig> {
  const { clusterId, namespace } = install;
  const token = await deps.keys.signCluster(
    {
      sub: row.licenceId,
      orgId: row.orgId,
      mode: row.mode as InstallToken['mode'],
      install: { id: row.installId, cluster: clusterId, namespace },
      ...(row.instanceId === null ? {} : { instance: row.instanceId }),
      jti: row.id,
    },
    seconds,
  );
  const { gatewayUrl, gatewayCa } = deps;
  return { token: tokenView(row), kubeconfig: kubeconfigText({ gatewayUrl, gatewayCa, clusterId, namespace, token }) };
}

/** revokeInstallToken ends a token at once, on every gateway, with what is open by it. One that has ended already is left as it is. @throws Fault not_found */
export async function revokeInstallToken(
  { db, clock }: Pick<TokenDeps, 'db' | 'clock'>,
  principal: LicenseePrincipal,
  installId: string,
  tokenId: string,
): Promise<void> {
  await db.withOrg(principal.orgId, async (tx) => {
    await ownInstall(tx, principal, installId);
    const row = await tx.installToken.findFirst({ where: { id: tokenId, installId }, select: { id: true } });
    if (!row) throw new Fault('not_found');
    await tx.installToken.updateMany({ where: { id: tokenId, revokedAt: null }, data: { revokedAt: clock.now() } });
    await recordChange(tx, { kind: 'install_token', id: tokenId, orgId: principal.orgId });
  });
}
