/** What one archive member is. Times, owners and names of users are left out on purpose: the same content gives the same bytes. */
export type TarEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly size: number }
  | { readonly type: 'dir'; readonly path: string; readonly mode: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

const BLOCK = 512;
const MAX_SIZE = 0o77777777777;
const FLAG = { file: '0', link: '2', dir: '5' } as const;

/** Header block(s) of a member in GNU tar format; long names become `L`/`K` members in front, which containerd and docker read. */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.type === 'dir' ? `${entry.path.replace(/\/$/, '')}/` : entry.path;
  const target = entry.type === 'link' ? entry.target : '';
  const size = entry.type === 'file' ? entry.size : 0;
  if (size > MAX_SIZE) throw new RangeError(`${path} is too large for this archive format`);
  const mode = entry.type === 'link' ? 0o777 : entry.mode & 0o7777;
  return Buffer.concat([longName('K', target), longName('L', path), block(path, target, mode, size, FLAG[entry.type])]);
}

/** Zero bytes that fill a member's content up to a whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** End of an archive: two empty blocks. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

function longName(flag: 'K' | 'L', name: string): Buffer {
  const bytes = Buffer.from(`${name}\0`);
  if (bytes.length <= 100) return Buffer.alloc(0);
  return Buffer.concat([block('././@LongLink', '', 0o644, bytes.length, flag), bytes, tarPadding(bytes.length)]);
}

function block(path: string, target: string, mode: number, size: number, flag: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) =>
    header.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  // The name field holds 100 bytes; what is cut off here is in the L member in front.
  Buffer.from(path).copy(header, 0, 0, 100);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.fill(' ', 148, 156);
  header.write(flag, 156, 'latin1');
  Buffer.from(target).copy(header, 157, 0, 100);
  header.write('ustar  \0', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
