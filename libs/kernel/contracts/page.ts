import type { PageQuery } from './primitives.js';

/** Page is one piece of a list in the order of ids, which is the order of creation. */
export interface Page<T> {
  readonly data: T[];
  /** Where the next piece starts; absent on the last. */
  readonly nextCursor?: string;
}

/** keyset is the part of a query that orders and bounds one page: one row more than asked tells whether there is a next. */
export const keyset = (query: PageQuery) => ({ take: query.limit + 1, orderBy: { id: 'asc' as const } });

/** afterCursor is the part of its condition that starts the page; spread it into `where`. */
export const afterCursor = (query: PageQuery) => (query.cursor === undefined ? {} : { id: { gt: query.cursor } });

/** toPage cuts the rows that `keyset` read into a page. */
export function toPage<R extends { readonly id: string }, T>(
  rows: readonly R[],
  query: PageQuery,
  view: (row: R) => T,
): Page<T> {
  const kept = rows.slice(0, query.limit);
  const last = kept.at(-1);
  return { data: kept.map(view), ...(rows.length > query.limit && last ? { nextCursor: last.id } : {}) };
}
