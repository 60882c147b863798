import { createHash } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import type { BundleFile } from './bundle-files.js';
import { fileFaults } from './check-files.js';
import { formatFinding } from './finding.js';
import { bundleLimits } from './limits.js';

/** Stands in every packed bundle; another number means another layout. */
export const bundleFormat = 'nmachine.bundle/1';

/** PackedBundle is a bundle as it is stored and sent, with the name that its content gives it. */
export interface PackedBundle {
  readonly bytes: Buffer;
  /** `sha256:` and 64 hexadecimal digits, of the bytes. */
  readonly digest: string;
}

const byPath = (left: BundleFile, right: BundleFile): number =>
  left.path < right.path ? -1 : left.path > right.path ? 1 : 0;

/**
 * packBundle writes files as JSON in one way only: `{"files":{path:text…},"format":…}`, paths sorted by their UTF-16 code units, no white space, UTF-8. It holds no
 * dates, owners or modes and is not compressed, so the same files are the same bytes everywhere and nothing can grow when it is read.
 * @throws Fault bundle_invalid
 */
export function packBundle(files: readonly BundleFile[]): PackedBundle {
  const [fault] = fileFaults(files);
  if (fault) throw refused(`${formatFinding(fault)}`);
  const members = files.toSorted(byPath).map(({ path, text }) => `${JSON.stringify(path)}:${JSON.stringify(text)}`);
  const bytes = Buffer.from(`{"files":{${members.join(',')}},"format":${JSON.stringify(bundleFormat)}}`);
  if (bytes.length > bundleLimits.packedBytes) throw refused(`it has ${bytes.length} bytes, ${tooMany}`);
  return { bytes, digest: digestOf(bytes) };
}

/** unpackBundle reads what `packBundle` writes, and nothing else: whatever differs by one byte is refused. @throws Fault bundle_invalid */
export function unpackBundle(bytes: Uint8Array): BundleFile[] {
  if (bytes.length > bundleLimits.packedBytes) throw refused(`it has ${bytes.length} bytes, ${tooMany}`);
  const foreign = foreignFormat(bytes);
  if (foreign) throw refused(`this is ${foreign}; \`nmachine-kama pack\` makes one out of a folder`);
  const text = decode(bytes);
  if (!isShallow(text)) throw refused('a packed bundle has two levels of braces and no lists');
  const files = filesOf(parse(text));
  if (!packBundle(files).bytes.equals(bytes))
    throw refused('it is not written as `nmachine-kama pack` writes it (order, spaces, or a name twice)');
  return files;
}

/** digestOf names bytes by their content. */
export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const tooMany = `and ${bundleLimits.packedBytes} are the most`;

const refused = (what: string, cause?: unknown): Fault =>
  new Fault('bundle_invalid', {
    public: `The bundle cannot be read: ${what}.`,
    extra: { findings: [] },
    ...(cause === undefined ? {} : { cause }),
  });

const magics: readonly (readonly [name: string, at: number, bytes: readonly number[]])[] = [
  ['a gzip file', 0, [0x1f, 0x8b]],
  ['a zip file', 0, [0x50, 0x4b]],
  ['a zstd file', 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ['an xz file', 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['a bzip2 file', 0, [0x42, 0x5a, 0x68]],
  ['a tar file', 257, [0x75, 0x73, 0x74, 0x61, 0x72]],
];

const foreignFormat = (bytes: Uint8Array): string | undefined =>
  magics.find(([, at, magic]) => magic.every((byte, index) => bytes[at + index] === byte))?.[0];

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refused('it is no UTF-8 text', cause);
  }
}

/** isShallow looks at the brackets before a parser does: a parser keeps something for each one that is open. */
function isShallow(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b) return false;
    else if (code === 0x7b) depth += 1;
    else if (code === 0x7d) depth -= 1;
    if (depth > 2) return false;
  }
  return true;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused('it is no JSON', cause);
  }
}

function filesOf(value: unknown): BundleFile[] {
  const { format, files } = (value ?? {}) as { format?: unknown; files?: unknown };
  if (format !== bundleFormat) throw refused(`its format is not "${bundleFormat}"`);
  if (typeof files !== 'object' || files === null) throw refused('it has no "files"');
  const read: BundleFile[] = [];
  for (const [path, text] of Object.entries(files)) {
    if (typeof text !== 'string') throw refused('a file is text');
    read.push({ path, text });
  }
  return read;
}
