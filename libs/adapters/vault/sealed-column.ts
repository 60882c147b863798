import type { Db } from '@nm/adapters/db';
import type { SealedPlace } from './rewrap.js';

/** SealedColumn says where the rows of a table keep a sealed value. Its names become part of statements: they stand in code, and never come from a request. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** What each row's value is bound to: its id, and its organisation where the table has one. */
  readonly aad: (row: SealedRow) => readonly string[];
  /** False for a table without `org_id`. @default true */
  readonly ofTenants?: boolean;
}

interface SealedRow {
  readonly id: string;
  /** Empty in a table that belongs to no tenant. */
  readonly orgId: string;
}

/** sealedColumn lets the sweep of a new master key find the values of one column; rows without a value don't count. */
export const sealedColumn = (db: Db, { table, column, aad, ofTenants = true }: SealedColumn): SealedPlace => {
  const stale = {
    name: `stale_secrets_${table}`,
    text: `SELECT id, ${ofTenants ? 'org_id' : "''"} AS "orgId", ${column} AS sealed FROM ${table}
            WHERE id > $1 AND substring(${column} FROM 1 FOR length($2::bytea)) <> $2 ORDER BY id LIMIT $3`,
  };
  const replace = {
    name: `rewrap_secret_${table}`,
    text: `UPDATE ${table} SET ${column} = $3 WHERE id = $1 AND ${column} = $2 RETURNING id`,
  };
  return {
    name: table,
    stale: async (prefix, after, limit) => {
      const rows = await db.system<SealedRow & { readonly sealed: Uint8Array }>(stale, [after, prefix, limit]);
      return rows.map((row) => ({ id: row.id, sealed: row.sealed, aad: aad(row) }));
    },
    replace: async ({ id, sealed }, next) => (await db.system(replace, [id, Buffer.from(sealed), next])).length > 0,
  };
};
