import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceFiles } from '../runtime-driver.js';

/** writePrivateFiles writes files that their owner alone can read; each takes the place of the one before as a whole. */
export async function writePrivateFiles(folder: string, files: InstanceFiles): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await writeFile(`${path}.new`, content, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** removeFolder leaves nothing of a folder; one that is absent stays so. */
export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
