import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { InstanceFiles } from '../runtime-driver.js';

/** tarOf packs files that everybody in the container can read and only root, which runs nothing there, can change. */
export function tarOf(files: InstanceFiles): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o444 }, content);
  archive.finalize();
  return buffer(archive);
}
