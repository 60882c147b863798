import type { Db, Tx } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import type { InstallPrincipal } from '@nm/features/access';
import { type KamaDocument, kamaDocumentBytesMax, type WriteKamaDocument } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';

export interface DocumentDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}

/** An install keeps so many documents; the ones that end soonest give way. */
export const documentsOfInstallMax = 500;

/** documentAad binds a document to its install and its name. */
export const documentAad = (
  { orgId, installId }: Pick<InstallPrincipal, 'orgId' | 'installId'>,
  name: string,
): string[] => [orgId, installId, 'kama', name];

/** readDocument gives what a KAMA wrote for the install that a request is for. @throws Fault not_found also when its time is over */
export async function readDocument(
  { db, vault, clock }: DocumentDeps,
  install: InstallPrincipal,
  name: string,
): Promise<KamaDocument> {
  const row = await db.withOrg(install.orgId, (tx) =>
    tx.kamaDocument.findFirst({ where: { installId: install.installId, name, expiresAt: { gt: clock.now() } } }),
  );
  if (!row) throw new Fault('not_found');
  const text = (await vault.open(row.sealed, documentAad(install, name))).toString('utf8');
  const value = JSON.parse(text) as KamaDocument['value'];
  return { name, revision: row.revision, expiresAt: row.expiresAt.toISOString(), value };
}

/** writeDocument keeps a value under a name. @throws Fault conflict when somebody else wrote since the revision that was read, body_too_large */
export async function writeDocument(
  { db, vault, clock }: DocumentDeps,
  install: InstallPrincipal,
  name: string,
  { value, ttlSeconds, revision }: WriteKamaDocument,
): Promise<KamaDocument> {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > kamaDocumentBytesMax) throw new Fault('body_too_large');
  const sealed = await vault.seal(text, documentAad(install, name));
  const now = clock.now();
  const expiresAt = new Date(now.getTime() + ttlSeconds * 1_000);
  const written = await db.withOrg(install.orgId, async (tx) => {
    const place = { installId_name: { installId: install.installId, name } };
    // The install's row is the lock: two first writes of one name would otherwise both find nothing.
    await tx.$queryRaw`SELECT id FROM install WHERE id = ${install.installId} FOR UPDATE`;
    const known = await tx.kamaDocument.findUnique({ where: place });
    const alive = known && known.expiresAt > now ? known.revision : 0;
    if (revision !== undefined && revision !== alive)
      throw new Fault('conflict', { public: 'Somebody else has written it since. Read it again.' });
    const next = { revision: (known?.revision ?? 0) + 1, sealed, expiresAt };
    await tx.kamaDocument.upsert({
      where: place,
      update: next,
      create: { ...next, orgId: install.orgId, installId: install.installId, name },
    });
    await makeRoom(tx, install.installId, now);
    return next.revision;
  });
  return { name, revision: written, expiresAt: expiresAt.toISOString(), value };
}

async function makeRoom(tx: Tx, installId: string, now: Date): Promise<void> {
  await tx.kamaDocument.deleteMany({ where: { installId, expiresAt: { lte: now } } });
  const tooMany = await tx.kamaDocument.findMany({
    where: { installId },
    orderBy: { expiresAt: 'desc' },
    skip: documentsOfInstallMax,
    select: { name: true },
  });
  if (tooMany.length > 0)
    await tx.kamaDocument.deleteMany({ where: { installId, name: { in: tooMany.map(({ name }) => name) } } });
}
