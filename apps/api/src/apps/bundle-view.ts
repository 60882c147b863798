import type { readBundle } from '@nm/features/apps';
import { type Bundle, bundleMediaType } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

type StoredBundle = Awaited<ReturnType<typeof readBundle>>;

/** bundleView is what a publisher sees of a bundle. */
export const bundleView = (row: StoredBundle, warnings: readonly string[]): Bundle => ({
  digest: row.digest,
  bytes: row.bytes.length,
  files: row.files,
  warnings: [...warnings],
  createdAt: row.createdAt.toISOString(),
});

/** requireBytes takes a body that came as bytes. @throws Fault invalid_body */
export function requireBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new Fault('invalid_body', { public: `Send the packed bundle itself, as ${bundleMediaType}.` });
}
