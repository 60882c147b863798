import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import {
  type App,
  AppKind,
  afterCursor,
  type CreateApp,
  keyset,
  type Page,
  type PageQuery,
  toPage,
  UsageLimits,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';

interface AppRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: string;
  readonly engines: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly limits: unknown;
  readonly renewalUrl: string | null;
  readonly createdAt: Date;
}

/** appOf shows an app to its publisher. @param engines names of its engines */
export const appOf = (row: AppRow, engines: readonly string[]): App => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  kind: AppKind.parse(row.kind),
  engines: [...engines],
  corsOrigins: [...row.corsOrigins],
  limits: UsageLimits.parse(row.limits),
  ...(row.renewalUrl === null ? {} : { renewalUrl: row.renewalUrl }),
  createdAt: row.createdAt.toISOString(),
});

/** createApp @throws Fault already_exists */
export async function createApp(db: Db, orgId: string, body: CreateApp): Promise<App> {
  const id = newId('app');
  return db.withOrg(orgId, async (tx) => {
    const { slug, name, kind } = body;
    const row = await tx.app.create({ data: { id, orgId, slug, name, kind } });
    await recordChange(tx, { kind: 'app', id, orgId });
    return appOf(row, []);
  });
}

export async function listApps(db: Db, orgId: string, query: PageQuery): Promise<Page<App>> {
  return db.withOrg(orgId, async (tx) => {
    const rows = await tx.app.findMany({ where: { orgId, ...afterCursor(query) }, ...keyset(query) });
    const engines = await tx.app.findMany({ where: { orgId, kind: 'ktea' }, select: { id: true, slug: true } });
    const slugs = new Map(engines.map(({ id, slug }) => [id, slug]));
    return toPage(rows, query, (row) => appOf(row, row.engines.flatMap((id) => slugs.get(id) ?? []).sort()));
  });
}

/** readApp @throws Fault not_found */
export const readApp = (db: Db, orgId: string, slug: string): Promise<App> =>
  db.withOrg(orgId, async (tx) => {
    const row = await requireApp(tx, orgId, slug);
    const where = { id: { in: [...row.engines] } };
    const engines = await tx.app.findMany({ where, select: { slug: true }, orderBy: { slug: 'asc' } });
    return appOf(
      row,
      engines.map((engine) => engine.slug),
    );
  });

/** requireApp finds an app of an organisation by its name. @throws Fault not_found */
export async function requireApp(tx: Tx, orgId: string, slug: string): Promise<AppRow> {
  const row = await tx.app.findUnique({ where: { orgId_slug: { orgId, slug } } });
  if (!row) throw new Fault('not_found');
  return row;
}
