import type { Db } from '@nm/adapters/db';
import type { SealedPlace } from '@nm/adapters/vault';
import { aadOf } from './signing-key.js';

/** signingKeyPlace lets the sweep of a new master key find the private parts of signing keys. */
export const signingKeyPlace = (db: Db): SealedPlace => ({
  name: 'signing_key',
  stale: async (prefix, after, limit) => {
    const rows = await db.asSystem(
      (tx) => tx.$queryRaw<{ id: string; private_key: Uint8Array }[]>`
        SELECT id, private_key FROM signing_key
         WHERE id > ${after} AND substring(private_key FROM 1 FOR ${prefix.length}::int) <> ${prefix}
         ORDER BY id LIMIT ${limit}`,
    );
    return rows.map((row) => ({ id: row.id, sealed: row.private_key, aad: aadOf(row.id) }));
  },
  replace: async ({ id, sealed }, next) => {
    const { count } = await db.asSystem((tx) =>
      tx.signingKey.updateMany({ where: { id, privateKey: new Uint8Array(sealed) }, data: { privateKey: next } }),
    );
    return count > 0;
  },
});
