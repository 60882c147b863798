import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import {
  afterCursor,
  type Channel,
  keyset,
  type Page,
  type PageQuery,
  type SetChannel,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { requireApp } from './apps.js';

interface ChannelRow {
  readonly name: string;
  readonly updatedAt: Date;
  readonly version: { readonly name: string };
  readonly nextVersion: { readonly name: string } | null;
  readonly nextPercent: number;
}

const withVersion = { version: { select: { name: true } }, nextVersion: { select: { name: true } } } as const;

const view = (row: ChannelRow): Channel => ({
  name: row.name,
  version: row.version.name,
  ...(row.nextVersion ? { next: { version: row.nextVersion.name, percent: row.nextPercent } } : {}),
  updatedAt: row.updatedAt.toISOString(),
});

/** pointChannel makes or moves a channel and announces it. */
export async function pointChannel(
  tx: Tx,
  to: { readonly orgId: string; readonly appId: string; readonly name: string; readonly versionId: string },
  next?: { readonly versionId: string; readonly percent: number },
): Promise<Channel> {
  const { orgId, appId, name, versionId } = to;
  const rollout = { nextVersionId: next?.versionId ?? null, nextPercent: next?.percent ?? 0 };
  const row = await tx.channel.upsert({
    where: { appId_name: { appId, name } },
    create: { id: newId('channel'), ...to, ...rollout },
    update: { versionId, ...rollout },
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

/**
 * setChannel points a channel to a published version; the channel is made when it is new. With `next`, licences of the lowest cohorts get that version
 * already; without it a rollout that was under way ends.
 * @throws Fault not_found; conflict for a draft or yanked version
 */
export async function setChannel(db: Db, orgId: string, app: string, name: string, body: SetChannel): Promise<Channel> {
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const versionId = await publishedId(tx, appId, body.version);
    const next = body.next && {
      versionId: await publishedId(tx, appId, body.next.version),
      percent: body.next.percent,
    };
    return pointChannel(tx, { orgId, appId, name, versionId }, next);
  });
}

async function publishedId(tx: Tx, appId: string, name: string): Promise<string> {
  const version = await tx.appVersion.findUnique({ where: { appId_name: { appId, name } } });
  if (!version) throw new Fault('not_found');
  if (version.state !== 'published')
    throw new Fault('conflict', { public: `Version ${name} is not published, so no channel can point to it.` });
  return version.id;
}
