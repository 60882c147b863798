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
