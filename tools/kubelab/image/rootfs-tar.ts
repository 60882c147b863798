import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KubelabError } from '../errors.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';

/** Larger files are read in parts of this. */
const SMALL = 1 << 20;

/**
 * Archives a folder as an image layer: members sorted by name, parents first, owner 0:0, time 0.
 * @returns SHA-256 (hex) and size of the archive.
 */
export async function writeRootfsTar(rootfs: string, file: string): Promise<{ sha256: string; size: number }> {
  const out = await open(file, 'w');
  const hash = createHash('sha256');
  let size = 0;
  const write = async (bytes: Buffer) => {
    hash.update(bytes);
    size += bytes.length;
    await writeAll(out, bytes);
  };
  try {
    await addFolder(rootfs, '', write);
    await write(TAR_END);
  } finally {
    await out.close();
  }
  return { sha256: hash.digest('hex'), size };
}

type Write = (bytes: Buffer) => Promise<void>;

async function addFolder(root: string, folder: string, write: Write): Promise<void> {
  // Byte order, not the locale's: the same on every machine.
  const names = (await readdir(join(root, folder))).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const path = folder ? `${folder}/${name}` : name;
    const stat = await lstat(join(root, path));
    if (stat.isDirectory()) {
      await write(tarHeader({ type: 'dir', path, mode: stat.mode }));
      await addFolder(root, path, write);
    } else if (stat.isSymbolicLink()) {
      await write(tarHeader({ type: 'link', path, target: await readlink(join(root, path)) }));
    } else if (stat.isFile()) {
      await write(tarHeader({ type: 'file', path, mode: stat.mode, size: stat.size }));
      if (stat.size <= SMALL) await write(await readFile(join(root, path)));
      else
        for await (const chunk of createReadStream(join(root, path), { highWaterMark: SMALL }))
          await write(chunk as Buffer);
      await write(tarPadding(stat.size));
    } else {
      throw new KubelabError(`${path} is neither a file, a folder nor a symbolic link: an image cannot hold it.`);
    }
  }
}

async function writeAll(out: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await out.write(bytes, at)).bytesWritten;
}
