import type { Db } from '@nm/adapters/db';
import { afterCursor, InstanceView, keyset, type Page, type PageQuery, toPage } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { requireApp } from './apps.js';

interface InstanceRow {
  readonly id: string;
  readonly installId: string | null;
  readonly desired: string;
  readonly observed: string;
  readonly driver: string | null;
  readonly restarts: number;
  readonly message: string | null;
  readonly startedAt: Date | null;
  readonly readyAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly version: { readonly name: string };
}

const view = (row: InstanceRow): InstanceView =>
  InstanceView.parse({
    id: row.id,
    version: row.version.name,
    installId: row.installId ?? undefined,
    desired: row.desired,
    observed: row.observed,
    driver: row.driver ?? undefined,
    restarts: row.restarts,
    message: row.message ?? undefined,
    startedAt: row.startedAt?.toISOString(),
    readyAt: row.readyAt?.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString(),
  });

/** listInstances shows what runs, or ran, of an app. */
export async function listInstances(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<InstanceView>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return tx.instance.findMany({
      where: { appId, ...afterCursor(query) },
      include: { version: { select: { name: true } } },
      omit: { logTail: true, handle: true },
      ...keyset(query),
    });
  });
  return toPage(rows, query, view);
}

/** readInstanceLog gives the newest output that was kept of an instance, as text; bytes that are no UTF-8 are replaced. @throws Fault not_found */
export async function readInstanceLog(db: Db, orgId: string, app: string, id: string): Promise<string> {
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await tx.instance.findFirst({ where: { id, appId }, select: { logTail: true } });
    if (!row) throw new Fault('not_found');
    return Buffer.from(row.logTail ?? []).toString('utf8');
  });
}
