import type { Db, Tx } from '@nm/adapters/db';
import { Fault } from '@nm/kernel/fault';

/** StoredBundle is a packed bundle with the name that its bytes give it. */
export interface StoredBundle {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly files: number;
  readonly createdAt: Date;
}

/** All bundles of an organisation together. */
const orgBytesMax = 256 * 1024 * 1024;

/** storeBundle keeps a bundle under its digest; again changes nothing. What no version has named for a day makes room. @throws Fault bundles_full */
export function storeBundle(
  db: Db,
  orgId: string,
  { digest, bytes, files }: Pick<StoredBundle, 'digest' | 'bytes' | 'files'>,
): Promise<StoredBundle> {
  return db.withOrg(orgId, async (tx) => {
    // The organisation's row is the lock: two pushes at once would both find room.
    await tx.$queryRaw`SELECT id FROM org WHERE id = ${orgId} FOR UPDATE`;
    const known = await tx.bundle.findUnique({ where: { orgId_digest: { orgId, digest } } });
    if (known) return known;
    await tx.$executeRaw`
      DELETE FROM bundle b WHERE b.org_id = ${orgId} AND b.created_at < now() - interval '1 day'
         AND NOT EXISTS (SELECT 1 FROM app_version v WHERE v.org_id = b.org_id AND v.spec->>'bundle' = b.digest)`;
    const [sum] = await tx.$queryRaw<{ bytes: bigint | null }[]>`
      SELECT sum(length(bytes))::bigint AS bytes FROM bundle WHERE org_id = ${orgId}`;
    if (Number(sum?.bytes ?? 0) + bytes.length > orgBytesMax) throw new Fault('bundles_full');
    return tx.bundle.create({ data: { orgId, digest, bytes: Buffer.from(bytes), files } });
  });
}

/** readBundle @throws Fault not_found */
export async function readBundle(db: Db, orgId: string, digest: string): Promise<StoredBundle> {
  const row = await db.withOrg(orgId, (tx) => tx.bundle.findUnique({ where: { orgId_digest: { orgId, digest } } }));
  if (!row) throw new Fault('not_found');
  return row;
}

/** readVersionBundle gives the bundle that a version is made of. @throws Fault not_found also for a version of another kind */
export async function readVersionBundle(db: Db, orgId: string, versionId: string): Promise<StoredBundle> {
  const [row] = await db.withOrg(
    orgId,
    (tx) => tx.$queryRaw<StoredBundle[]>`
      SELECT b.digest, b.bytes, b.files, b.created_at AS "createdAt"
        FROM app_version v JOIN bundle b ON b.org_id = v.org_id AND b.digest = v.spec->>'bundle' WHERE v.id = ${versionId}`,
  );
  if (!row) throw new Fault('not_found');
  return row;
}

/** requireBundle keeps a bundle from being taken away until the transaction, which names it, ends. @throws Fault bundle_missing */
export async function requireBundle(tx: Tx, orgId: string, digest: string): Promise<void> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM org o JOIN bundle b ON b.org_id = o.id WHERE o.id = ${orgId} AND b.digest = ${digest} FOR SHARE OF o`;
  if (rows.length === 0) throw new Fault('bundle_missing');
}
