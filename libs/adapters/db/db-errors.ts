import { Fault, isFault } from '@nm/kernel/fault';
import { Prisma } from './generated/client.js';

const unreachable = new Set(['P1000', 'P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/** Sockets that break, and a server that stops, starts or has no connection left (SQLSTATE 57P0x, 53300, class 08). */
const away = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ENOENT|ETIMEDOUT|EPIPE|57P0[1-3]|53300|08\w{3})$/;

/** What pg and its pool say without a code: no connection came free, none could be made in time, or it was lost. */
const awayMessage =
  /timeout exceeded when trying to connect|Connection terminated|connection error and is not queryable/;

/**
 * translateDbError turns what Prisma and pg throw into faults: a broken unique rule is `already_exists`, an absent row `not_found`,
 * a store that is away `store_unavailable`, one without our tables `config_invalid`. Anything else passes unchanged.
 */
export function translateDbError(error: unknown): unknown {
  if (isFault(error)) return error;
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    if (error.code === 'P2002') return new Fault('already_exists', { cause: error });
    if (error.code === 'P2025') return new Fault('not_found', { cause: error });
    if (error.code === 'P2021' || error.code === 'P2022') return unprepared(error);
    if (unreachable.has(error.code) || away.test(sqlStateOf(error)))
      return new Fault('store_unavailable', { cause: error });
  }
  if (error instanceof Prisma.PrismaClientInitializationError) return new Fault('store_unavailable', { cause: error });
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && away.test(code)) return new Fault('store_unavailable', { cause: error });
  if (error instanceof Error && awayMessage.test(error.message))
    return new Fault('store_unavailable', { cause: error });
  return error;
}

/** No such table or column: the program is newer than the database. */
const unprepared = (cause: Error): Fault =>
  new Fault('config_invalid', {
    public: 'The database is not prepared for this version. Run the migrations (npm run migrate), then start again.',
    cause,
  });

/** sqlStateOf digs out what PostgreSQL or the socket said; Prisma keeps it below its own P2039. */
function sqlStateOf(error: Prisma.PrismaClientKnownRequestError): string {
  const cause = (
    error.meta?.['driverAdapterError'] as { cause?: { originalCode?: unknown; code?: unknown } } | undefined
  )?.cause;
  return String(cause?.originalCode ?? cause?.code ?? '');
}
