import type { Db } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import { afterCursor, keyset, type Licence, type Page, type PageQuery, toPage } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { licenceOf, withNames } from './licence-row.js';

export async function listLicences(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<Licence>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return tx.licence.findMany({ where: { appId, ...afterCursor(query) }, include: withNames, ...keyset(query) });
  });
  return toPage(rows, query, licenceOf);
}

/** readLicence @throws Fault not_found */
export async function readLicence(db: Db, orgId: string, app: string, id: string): Promise<Licence> {
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await tx.licence.findFirst({ where: { id, appId }, include: withNames });
    if (!row) throw new Fault('not_found');
    return licenceOf(row);
  });
}
