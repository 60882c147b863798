import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import {
  afterCursor,
  type CreateVersion,
  defaultChannel,
  keyset,
  type Page,
  type PageQuery,
  toPage,
  type Version,
  VersionSpec,
  VersionState,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { requireApp } from './apps.js';
import { requireBundle } from './bundles.js';
import { pointChannel } from './channels.js';
import { versionDigest } from './version-digest.js';

interface VersionRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly digest: string;
  readonly spec: unknown;
  readonly createdAt: Date;
  readonly publishedAt: Date | null;
}

const view = (row: VersionRow): Version => ({
  id: row.id,
  name: row.name,
  state: VersionState.parse(row.state),
  digest: row.digest,
  spec: VersionSpec.parse(row.spec),
  createdAt: row.createdAt.toISOString(),
  ...(row.publishedAt ? { publishedAt: row.publishedAt.toISOString() } : {}),
});

/**
 * createVersion makes a draft; its spec is final from the start.
 * @throws Fault not_found; already_exists for the same content under the same name, version_immutable for other content;
 * bundle_missing
 */
export async function createVersion(db: Db, orgId: string, app: string, body: CreateVersion): Promise<Version> {
  const digest = versionDigest(body.spec);
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const earlier = await tx.appVersion.findUnique({ where: { appId_name: { appId, name: body.name } } });
    if (earlier)
      throw earlier.digest === digest
        ? new Fault('already_exists', { public: `Version ${body.name} exists with this very content.` })
        : new Fault('version_immutable', { public: `Version ${body.name} exists with other content. Use a new name.` });
    if (body.spec.bundle !== undefined) await requireBundle(tx, orgId, body.spec.bundle);
    const id = newId('version');
    const row = await tx.appVersion.create({
      data: { id, orgId, appId, name: body.name, state: 'draft', spec: body.spec, digest },
    });
    await recordChange(tx, { kind: 'version', id, orgId });
    return view(row);
  });
}

export async function listVersions(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<Version>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return tx.appVersion.findMany({ where: { appId, ...afterCursor(query) }, ...keyset(query) });
  });
  return toPage(rows, query, view);
}

/** readVersion @throws Fault not_found */
export const readVersion = (db: Db, orgId: string, app: string, name: string): Promise<Version> =>
  db.withOrg(orgId, async (tx) => view(await requireVersion(tx, orgId, app, name)));

/**
 * publishVersion opens a version to licensees. The first one becomes the channel `stable`, so that an app is reachable without further ado; later ones
 * move no channel. Publishing again changes nothing.
 * @throws Fault not_found; conflict for a yanked version
 */
export async function publishVersion(
  deps: { readonly db: Db; readonly clock: Clock },
  orgId: string,
  app: string,
  name: string,
): Promise<Version> {
  return deps.db.withOrg(orgId, async (tx) => {
    const version = await requireVersion(tx, orgId, app, name);
    if (version.state === 'published') return view(version);
    if (version.state === 'yanked')
      throw new Fault('conflict', { public: `Version ${name} was yanked. Publish a new one.` });
    const { id, appId } = version;
    const row = await tx.appVersion.update({
      where: { id },
      data: { state: 'published', publishedAt: deps.clock.now() },
    });
    await recordChange(tx, { kind: 'version', id, orgId });
    const channel = await tx.channel.findUnique({ where: { appId_name: { appId, name: defaultChannel } } });
    if (!channel) await pointChannel(tx, { orgId, appId, name: defaultChannel, versionId: id });
    return view(row);
  });
}

/**
 * yankVersion takes a published version back: nobody reaches it any more.
 * @throws Fault not_found; conflict for a draft, or while a channel points to it
 */
export async function yankVersion(db: Db, orgId: string, app: string, name: string): Promise<Version> {
  return db.withOrg(orgId, async (tx) => {
    const version = await requireVersion(tx, orgId, app, name);
    if (version.state === 'yanked') return view(version);
    if (version.state === 'draft') throw new Fault('conflict', { public: `Version ${name} is not published.` });
    const channel = await tx.channel.findFirst({
      where: { OR: [{ versionId: version.id }, { nextVersionId: version.id }] },
    });
    if (channel)
      throw new Fault('conflict', {
        public: `The channel "${channel.name}" points to version ${name}. Move it first.`,
      });
    const row = await tx.appVersion.update({ where: { id: version.id }, data: { state: 'yanked' } });
    await recordChange(tx, { kind: 'version', id: version.id, orgId });
    return view(row);
  });
}

/** requireVersion finds a version and locks it until the end of the transaction, so that publishing and yanking take turns. */
async function requireVersion(tx: Tx, orgId: string, app: string, name: string) {
  const { id: appId } = await requireApp(tx, orgId, app);
  await tx.$queryRaw`SELECT id FROM app_version WHERE app_id = ${appId} AND name = ${name} FOR UPDATE`;
  const row = await tx.appVersion.findUnique({ where: { appId_name: { appId, name } } });
  if (!row) throw new Fault('not_found');
  return row;
}
