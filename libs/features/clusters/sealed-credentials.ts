import type { Db } from '@nm/adapters/db';
import type { SealedPlace } from '@nm/adapters/vault';
import { aadOf } from './credential.js';

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly credential: Uint8Array;
}

/** credentialPlace lets the sweep of a new master key find the credentials of clusters. */
export const credentialPlace = (db: Db): SealedPlace => ({
  name: 'cluster',
  stale: async (prefix, after, limit) => {
    const rows = await db.asSystem(
      (tx) => tx.$queryRaw<Row[]>`
        SELECT id, org_id, credential FROM cluster
         WHERE id > ${after} AND substring(credential FROM 1 FOR ${prefix.length}::int) <> ${prefix}
         ORDER BY id LIMIT ${limit}`,
    );
    return rows.map((row) => ({ id: row.id, sealed: row.credential, aad: aadOf({ id: row.id, orgId: row.org_id }) }));
  },
  replace: async ({ id, sealed }, next) => {
    const { count } = await db.asSystem((tx) =>
      tx.cluster.updateMany({ where: { id, credential: new Uint8Array(sealed) }, data: { credential: next } }),
    );
    return count > 0;
  },
});
