import type { Dirent } from 'node:fs';
import { constants, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import { type BundleFile, roleOf } from './bundle-files.js';
import { bundleLimits } from './limits.js';

/** What a folder may hold beside a bundle (a README, a version.json) is not looked at. */
const tops = new Set(['descriptors', 'assets', 'plugins']);

/**
 * readBundleFolder reads the files of a bundle from a folder, in the order of their names. Links, devices and pipes are refused, never followed.
 * @throws Fault bundle_invalid when there are too many or too large files, or what is no text
 */
export async function readBundleFolder(folder: string): Promise<BundleFile[]> {
  const entries = await list(folder, '').catch((cause: unknown) => {
    throw refused(`there is no folder "${folder}"`, cause);
  });
  const found = entries.filter(({ name }) => tops.has(name));
  if (found.length === 0) throw refused(`"${folder}" holds none of descriptors/, assets/ and plugins/`);
  const left = { entries: bundleLimits.entries };
  const paths: string[] = [];
  for (const entry of found) await walk(folder, entry, entry.name, paths, left);
  paths.sort();
  if (paths.length > bundleLimits.files) throw refused(`more than ${bundleLimits.files} files`);
  const files: BundleFile[] = [];
  let bytes = 0;
  for (const path of paths) {
    const text = await readText(folder, path);
    bytes += text.length;
    if (bytes > bundleLimits.packedBytes) throw refused(`its files have more than ${bundleLimits.packedBytes} bytes`);
    files.push({ path, text });
  }
  return files;
}

const list = (folder: string, path: string): Promise<Dirent[]> => readdir(join(folder, path), { withFileTypes: true });

async function walk(
  folder: string,
  entry: Dirent,
  path: string,
  paths: string[],
  left: { entries: number },
): Promise<void> {
  left.entries -= 1;
  if (left.entries < 0) throw refused(`more than ${bundleLimits.entries} files and folders`);
  if (entry.isDirectory()) {
    if (path.split('/').length >= bundleLimits.folders)
      throw refused(`"${path}" is more than ${bundleLimits.folders} levels deep`);
    for (const inner of await list(folder, path)) await walk(folder, inner, `${path}/${inner.name}`, paths, left);
  } else if (entry.isSymbolicLink()) throw refused(`"${path}" is a link; put the file itself there`);
  else if (!entry.isFile()) throw refused(`"${path}" is no file`);
  else if (roleOf(path).role !== 'other') paths.push(path);
}

async function readText(folder: string, path: string): Promise<string> {
  const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    if (size > bundleLimits.assetBytes)
      throw refused(`"${path}" has ${size} bytes, and ${bundleLimits.assetBytes} are the most`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile());
  } catch (cause) {
    if (cause instanceof TypeError) throw refused(`"${path}" is no UTF-8 text`, cause);
    throw cause;
  } finally {
    await file.close();
  }
}

const refused = (what: string, cause?: unknown): Fault =>
  new Fault('bundle_invalid', {
    public: `The bundle cannot be read: ${what}.`,
    extra: { findings: [] },
    ...(cause === undefined ? {} : { cause }),
  });
