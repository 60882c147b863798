import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import type { App, ChangeApp } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { appOf, requireApp } from './apps.js';

/** changeApp changes what is given of an app's settings; gateways follow at once. @throws Fault not_found; invalid_body for an engine that is no engine of the organisation */
export async function changeApp(db: Db, orgId: string, slug: string, body: ChangeApp): Promise<App> {
  const { name, kind, corsOrigins, limits, renewalUrl } = body;
  return db.withOrg(orgId, async (tx) => {
    const { id } = await requireApp(tx, orgId, slug);
    const engines = body.engines && (await engineIds(tx, orgId, body.engines));
    const row = await tx.app.update({
      where: { id },
      data: {
        ...(name === undefined ? {} : { name }),
        ...(kind === undefined ? {} : { kind }),
        ...(corsOrigins === undefined ? {} : { corsOrigins }),
        ...(limits === undefined ? {} : { limits }),
        ...(renewalUrl === undefined ? {} : { renewalUrl }),
        ...(engines === undefined ? {} : { engines }),
      },
    });
    await recordChange(tx, { kind: 'app', id, orgId });
    return appOf(row, await engineSlugs(tx, row.engines));
  });
}

async function engineIds(tx: Tx, orgId: string, slugs: readonly string[]): Promise<string[]> {
  const rows = await tx.app.findMany({ where: { orgId, slug: { in: [...slugs] }, kind: 'ktea' } });
  const known = new Set(rows.map(({ slug }) => slug));
  const missing = slugs.findIndex((slug) => !known.has(slug));
  if (missing >= 0)
    throw new Fault('invalid_body', {
      extra: {
        issues: [{ path: `engines.${missing}`, message: 'there is no such app of kind ktea in this organisation' }],
      },
    });
  return rows.map(({ id }) => id);
}

/** engineSlugs names the engines of an app. */
async function engineSlugs(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx.app.findMany({
    where: { id: { in: [...ids] } },
    select: { slug: true },
    orderBy: { slug: 'asc' },
  });
  return rows.map(({ slug }) => slug);
}
