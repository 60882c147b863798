import { Fault, isFault } from '@nm/kernel/fault';
import { Prisma } from './generated/client.js';

const unreachable = new Set(['P1000', 'P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
const socketErrors = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', 'EPIPE', '57P01', '57P03', '53300']);

/**
 * translateDbError turns what Prisma and pg throw into faults: a broken unique rule is `already_exists`, an absent row `not_found`,
 * a store that is away `store_unavailable`. Anything else passes unchanged.
 */
export function translateDbError(error: unknown): unknown {
  if (isFault(error)) return error;
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    if (error.code === 'P2002') return new Fault('already_exists', { cause: error });
    if (error.code === 'P2025') return new Fault('not_found', { cause: error });
    if (unreachable.has(error.code)) return new Fault('store_unavailable', { cause: error });
  }
  if (error instanceof Prisma.PrismaClientInitializationError) return new Fault('store_unavailable', { cause: error });
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && socketErrors.has(code)) return new Fault('store_unavailable', { cause: error });
  return error;
}
