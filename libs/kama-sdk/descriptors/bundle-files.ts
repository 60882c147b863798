import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import { bundleLimits } from './limits.js';

/** BundleFile is one file of a bundle; its path is relative to the bundle, with forward slashes. */
export interface BundleFile {
  readonly path: string;
  readonly text: string;
}

/** The space that models and values of the app itself live in. */
export const appSpace = 'app';

export type FileRole =
  | { readonly role: 'descriptors'; readonly space: string }
  | { readonly role: 'asset'; readonly space: string; readonly name: string }
  | { readonly role: 'plugin'; readonly space: string }
  | { readonly role: 'other' };

const shape = /^(?:plugins\/([^/]+)\/)?(?:(descriptors|assets)\/(.+)|(plugin\.ya?ml))$/;

/** roleOf reads the layout of a bundle: descriptors/, assets/, and the same below plugins/<space>/. */
export function roleOf(path: string): FileRole {
  const [, plugin, folder, rest, manifest] = shape.exec(path) ?? [];
  const space = plugin ?? appSpace;
  if (manifest) return plugin ? { role: 'plugin', space } : { role: 'other' };
  if (folder === 'assets') return { role: 'asset', space, name: rest ?? '' };
  if (folder === 'descriptors' && /\.(ya?ml|json)$/i.test(path)) return { role: 'descriptors', space };
  return { role: 'other' };
}

/**
 * readBundleFolder reads the files of a bundle from a folder, in the order of their names. Links are not followed.
 * @throws Fault bundle_invalid when there are too many or too large files
 */
export async function readBundleFolder(folder: string): Promise<BundleFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => roleOf(path).role !== 'other')
    .sort();
  if (paths.length > bundleLimits.files) throw tooLarge(`more than ${bundleLimits.files} files`);
  const files: BundleFile[] = [];
  for (const path of paths) {
    const { size } = await stat(join(folder, path));
    if (size > bundleLimits.assetBytes) throw tooLarge(`${path} has ${size} bytes`);
    files.push({ path, text: await readFile(join(folder, path), 'utf8') });
  }
  return files;
}

const tooLarge = (what: string): Fault =>
  new Fault('bundle_invalid', { public: `The bundle is too large: ${what}.`, extra: { findings: [] } });
