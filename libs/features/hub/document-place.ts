import type { Db } from '@nm/adapters/db';
import type { SealedPlace } from '@nm/adapters/vault';
import { documentAad } from './kama-documents.js';

interface Row {
  readonly installId: string;
  readonly name: string;
  readonly orgId: string;
  readonly sealed: Uint8Array;
}

/** Ids of installs hold no slash. */
const idOf = ({ installId, name }: Pick<Row, 'installId' | 'name'>): string => `${installId}/${name}`;

function partsOf(id: string): [installId: string, name: string] {
  const at = id.indexOf('/');
  return [id.slice(0, Math.max(at, 0)), id.slice(at + 1)];
}

const stale = {
  name: 'stale_secrets_kama_document',
  text: `SELECT install_id AS "installId", name, org_id AS "orgId", sealed FROM kama_document
          WHERE (install_id, name) > ($1, $2) AND substring(sealed FROM 1 FOR length($3::bytea)) <> $3
          ORDER BY install_id, name LIMIT $4`,
};
const replace = {
  name: 'rewrap_secret_kama_document',
  text: 'UPDATE kama_document SET sealed = $4 WHERE install_id = $1 AND name = $2 AND sealed = $3 RETURNING name',
};

/** documentPlace lets the sweep of a new master key find what KAMAs remember. */
export const documentPlace = (db: Db): SealedPlace => ({
  name: 'kama_document',
  stale: async (prefix, after, limit) => {
    const rows = await db.system<Row>(stale, [...partsOf(after), prefix, limit]);
    return rows.map((row) => ({ id: idOf(row), sealed: row.sealed, aad: documentAad(row, row.name) }));
  },
  replace: async ({ id, sealed }, next) =>
    (await db.system(replace, [...partsOf(id), Buffer.from(sealed), next])).length > 0,
});
