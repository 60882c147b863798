import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import { afterCursor, type Channel, keyset, type Page, type PageQuery, toPage } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { requireApp } from './apps.js';

interface ChannelRow {
  readonly name: string;
  readonly updatedAt: Date;
  readonly version: { readonly name: string };
}

const withVersion = { version: { select: { name: true } } } as const;

const view = (row: ChannelRow): Channel => ({
  name: row.name,
  version: row.version.name,
  updatedAt: row.updatedAt.toISOString(),
});

/** pointChannel makes or moves a channel and announces it. */
export async function pointChannel(
  tx: Tx,
  to: { readonly orgId: string; readonly appId: string; readonly name: string; readonly versionId: string },
): Promise<Channel> {
  const { orgId, appId, name, versionId } = to;
  const row = await tx.channel.upsert({
    where: { appId_name: { appId, name } },
    create: { id: newId('channel'), ...to },
    update: { versionId },
    include: withVersion,
  });
  await recordChange(tx, { kind: 'channel', id: row.id, orgId });
  return view(row);
}

export async function listChannels(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<Channel>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return tx.channel.findMany({ where: { appId, ...afterCursor(query) }, include: withVersion, ...keyset(query) });
  });
  return toPage(rows, query, view);
}

/** setChannel points a channel to a published version; the channel is made when it is new. @throws Fault not_found; conflict for a draft or yanked version */
export async function setChannel(db: Db, orgId: string, app: string, name: string, version: string): Promise<Channel> {
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const target = await tx.appVersion.findUnique({ where: { appId_name: { appId, name: version } } });
    if (!target) throw new Fault('not_found');
    if (target.state !== 'published')
      throw new Fault('conflict', { public: `Version ${version} is not published, so no channel can point to it.` });
    return pointChannel(tx, { orgId, appId, name, versionId: target.id });
  });
}
