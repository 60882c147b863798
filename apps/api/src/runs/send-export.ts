import { Readable } from 'node:stream';
import type { ExportRuns } from '@nm/kernel/contracts';
import type { FastifyReply } from 'fastify';

const types = { ndjson: 'application/x-ndjson; charset=utf-8', csv: 'text/csv; charset=utf-8' } as const;

/** sendExport streams an export as a file; a slow client slows the reading. */
export async function sendExport(
  reply: FastifyReply,
  format: ExportRuns['format'],
  lines: AsyncIterable<string>,
): Promise<void> {
  await reply
    .header('content-type', types[format])
    .header('content-disposition', `attachment; filename="runs.${format}"`)
    .header('cache-control', 'no-store')
    .send(Readable.from(lines, { objectMode: false }));
}
