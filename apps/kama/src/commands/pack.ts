import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { compileBundle, formatFinding, packBundle, readBundleFolder } from '@nm/kama-sdk';
import { modelsLoader } from './load-models.js';

/**
 * pack writes the app of a folder as one file, and prints its digest, by which it is pushed; gives the exit code. Models in code are not in it: with them,
 * only what the descriptors say of them is checked. @throws Fault bundle_invalid
 */
export async function pack(
  folder: string,
  out = `${basename(resolve(folder))}.bundle`,
  modelsFile?: string,
): Promise<number> {
  const files = await readBundleFolder(folder);
  const { findings } = compileBundle(files, { models: await modelsLoader(modelsFile)() });
  for (const finding of findings) console.error(formatFinding(finding));
  if (findings.some(({ severity }) => severity === 'error')) return 1;
  const { bytes, digest } = packBundle(files);
  await writeFile(out, bytes);
  console.error(`${out}: ${files.length} files, ${bytes.length} bytes`);
  if (modelsFile !== undefined)
    console.error('Its models in code are not in it: host it as a container that serves them.');
  console.log(digest);
  return 0;
}
