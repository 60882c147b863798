import { packBundle, readBundleFolder } from '@nm/kama-sdk';

/** packExample gives a folder's bundle with its digest. A file of its own, because the SDK is large and wanted once in the life of a demo. */
export const packExample = async (folder: string): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> =>
  packBundle(await readBundleFolder(folder));
