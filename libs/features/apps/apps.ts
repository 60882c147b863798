import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import { type App, afterCursor, type CreateApp, keyset, type Page, type PageQuery, toPage } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';

interface AppRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
}

const view = (row: AppRow): App => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  createdAt: row.createdAt.toISOString(),
});

/** createApp @throws Fault already_exists */
export async function createApp(db: Db, orgId: string, body: CreateApp): Promise<App> {
  const id = newId('app');
  return db.withOrg(orgId, async (tx) => {
    const row = await tx.app.create({ data: { id, orgId, slug: body.slug, name: body.name } });
    await recordChange(tx, { kind: 'app', id, orgId });
    return view(row);
  });
}

export async function listApps(db: Db, orgId: string, query: PageQuery): Promise<Page<App>> {
  const rows = await db.withOrg(orgId, (tx) =>
    tx.app.findMany({ where: { orgId, ...afterCursor(query) }, ...keyset(query) }),
  );
  return toPage(rows, query, view);
}

/** readApp @throws Fault not_found */
export const readApp = (db: Db, orgId: string, slug: string): Promise<App> =>
  db.withOrg(orgId, async (tx) => view(await requireApp(tx, orgId, slug)));

/** requireApp finds an app of an organisation by its name. @throws Fault not_found */
export async function requireApp(tx: Tx, orgId: string, slug: string): Promise<AppRow> {
  const row = await tx.app.findUnique({ where: { orgId_slug: { orgId, slug } } });
  if (!row) throw new Fault('not_found');
  return row;
}
