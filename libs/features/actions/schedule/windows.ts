import type { Tx } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import {
  afterCursor,
  type CreateWindow,
  keyset,
  type MaintenanceWindow,
  type Page,
  type PageQuery,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { resumeRun } from '../resume-run.js';
import { findRun, type RunScope } from '../run-scope.js';
import type { StartRunDeps } from '../start-run.js';
import { checkCron, nextTime } from './cron-times.js';
import { isOpen } from './window-times.js';

type WindowRow = NonNullable<Awaited<ReturnType<Tx['maintenanceWindow']['findUnique']>>>;

/** createWindow @throws Fault not_found when cluster or install is not the licensee's; invalid_body */
export function createWindow(
  { db, clock }: StartRunDeps,
  { orgId, customerId, licenceId }: LicenseePrincipal,
  body: CreateWindow,
): Promise<MaintenanceWindow> {
  const now = clock.now();
  checkCron(body, now);
  const { title, clusterId, installId, cron, timeZone, durationMinutes } = body;
  return db.withOrg(orgId, async (tx) => {
    const own = clusterId
      ? await tx.cluster.findFirst({ where: { id: clusterId, orgId, customerId } })
      : await tx.install.findFirst({ where: { id: installId ?? '', orgId, licenceId } });
    if (!own) throw new Fault('not_found');
    const row = await tx.maintenanceWindow.create({
      data: {
        id: newId('window', clock.nowMs()),
        ...{ orgId, customerId, title, cron, timeZone, durationMinutes, createdAt: now },
        ...{ clusterId: clusterId ?? null, installId: installId ?? null },
      },
    });
    return windowView(row, now);
  });
}

/** listWindows pages through the windows of the licensee's customer, oldest first. */
export function listWindows(
  { db, clock }: StartRunDeps,
  { orgId, customerId }: LicenseePrincipal,
  query: PageQuery,
): Promise<Page<MaintenanceWindow>> {
  return db.withOrg(orgId, async (tx) => {
    const rows = await tx.maintenanceWindow.findMany({
      where: { AND: [{ orgId, customerId }, afterCursor(query)] },
      ...keyset(query),
    });
    return toPage(rows, query, (row) => windowView(row, clock.now()));
  });
}

/** removeWindow lets the runs that wait for it ask again. @throws Fault not_found */
export async function removeWindow(
  { db }: StartRunDeps,
  { orgId, customerId }: LicenseePrincipal,
  id: string,
): Promise<void> {
  await db.withOrg(orgId, async (tx) => {
    const window = await tx.maintenanceWindow.findFirst({ where: { id, orgId, customerId } });
    if (!window) throw new Fault('not_found');
    await tx.maintenanceWindow.delete({ where: { id } });
    const { installId, clusterId } = window;
    const of = installId === null ? { install: { clusterId: clusterId ?? '' } } : { installId };
    const waiting = await tx.run.findMany({ where: { status: 'waiting', waitsReason: 'window', ...of } });
    for (const run of waiting) await resumeRun(tx, run);
  });
}

/**
 * beginAnyway lets a run begin outside of the maintenance windows: for the licensee, whose windows they are.
 * @throws Fault not_found; run_not_waiting when it does not wait for a window
 */
export async function beginAnyway({ db }: StartRunDeps, scope: RunScope, runId: string): Promise<void> {
  await db.withOrg(scope.orgId, async (tx) => {
    const run = await findRun(tx, scope, runId);
    if (run.status !== 'waiting' || run.waitsReason !== 'window') throw new Fault('run_not_waiting');
    await tx.run.update({ where: { id: runId }, data: { beginAnyway: true } });
    await resumeRun(tx, run);
  });
}

const windowView = (row: WindowRow, now: Date): MaintenanceWindow => {
  const opensAt = nextTime(row, now);
  return {
    ...{ id: row.id, title: row.title, cron: row.cron, timeZone: row.timeZone, durationMinutes: row.durationMinutes },
    ...(row.clusterId === null ? {} : { clusterId: row.clusterId }),
    ...(row.installId === null ? {} : { installId: row.installId }),
    open: isOpen(row, now),
    ...(opensAt ? { opensAt: opensAt.toISOString() } : {}),
    createdAt: row.createdAt.toISOString(),
  };
};
