import type { Db, Tx } from '@nm/adapters/db';
import type { InstallPrincipal, LicenseePrincipal } from '@nm/features/access';
import type { CreateRun, Run } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type QueueRunDeps, queueRun } from './queue-run.js';
import { readRun } from './read-run.js';
import type { RunScope } from './run-scope.js';

export interface StartRunDeps extends QueueRunDeps {
  readonly db: Db;
}

/** Who works with runs from outside: a licensee with its installs, or a hosted KAMA with one of them. */
export type RunPrincipal = LicenseePrincipal | InstallPrincipal;

/** scopeOf says whose runs a principal may see. */
export const scopeOf = (principal: RunPrincipal): RunScope =>
  principal.kind === 'install'
    ? { orgId: principal.orgId, installId: principal.installId }
    : { orgId: principal.orgId, licenceId: principal.licenceId };

/**
 * startRun queues an action on an install of the principal.
 * @throws Fault plan_invalid, idempotency_conflict, not_found, install_required, install_ambiguous, install_not_ready
 */
export async function startRun(deps: StartRunDeps, principal: RunPrincipal, body: CreateRun): Promise<Run> {
  const { orgId } = principal;
  const { installId: wanted, ...work } = body;
  const { id } = await deps.db.withOrg(orgId, async (tx) => {
    const { id: installId, licenceId } = await chooseReadyInstall(tx, principal, wanted);
    const startedBy = starterOf(principal);
    return queueRun(tx, { ...work, orgId, installId, licenceId, startedBy, kind: 'action' }, deps);
  });
  return readRun(deps.db, scopeOf(principal), id);
}

/** chooseReadyInstall finds the install that is meant. @throws Fault not_found, install_required, install_ambiguous, install_not_ready */
export async function chooseReadyInstall(tx: Tx, principal: RunPrincipal, wanted: string | undefined) {
  const install = await chooseInstall(tx, principal, wanted);
  if (install.state !== 'ready') throw new Fault('install_not_ready', { extra: { state: install.state } });
  return install;
}

/** starterOf names who started a run: the licensee by the licence, a hosted KAMA by its install. */
export const starterOf = (principal: RunPrincipal): string =>
  principal.kind === 'install' ? principal.installId : principal.licenceId;

/** chooseInstall gives the install that a request means. @throws Fault not_found, install_required, install_ambiguous */
export async function chooseInstall(tx: Tx, principal: RunPrincipal, wanted: string | undefined) {
  const { installId, licenceId, orgId } = scopeOf(principal);
  const own = { orgId, ...(installId ? { id: installId } : {}), ...(licenceId ? { licenceId } : {}) };
  if (wanted !== undefined || installId !== undefined) {
    const install = await tx.install.findFirst({ where: { AND: [own, { id: wanted ?? installId ?? '' }] } });
    if (!install || install.state === 'removed') throw new Fault('not_found');
    return install;
  }
  const [install, another] = await tx.install.findMany({ where: { ...own, state: { not: 'removed' } }, take: 2 });
  if (!install) throw new Fault('install_required');
  if (another)
    throw new Fault('install_ambiguous', { public: 'This licence has several installs. Name one as "installId".' });
  return install;
}
