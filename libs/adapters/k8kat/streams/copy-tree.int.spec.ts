import { lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { safeParts, TreeWriter } from './copy-tree.js';

describe('TreeWriter', () => {
  let home: string;
  let root: string;
  const limits = { bytesMax: 100, filesMax: 10 };
  const body = (text = 'x') => Readable.from([Buffer.from(text)]);
  const file = (name: string) => ({ name, type: 'file' as const, mode: 0o640, size: 1 });

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-copy-'));
    root = join(home, 'root');
    await mkdir(root);
    await writeFile(join(home, 'outside'), 'untouched');
  });
  afterEach(() => rm(home, { recursive: true }));

  it('writes folders and files with their modes', async () => {
    const writer = new TreeWriter(root, limits);
    await writer.take({ name: './a/', type: 'directory', mode: 0o755, size: 0 }, body(''));
    await writer.take(file('a/b/c'), body('hello'));
    expect(await readFile(join(root, 'a/b/c'), 'utf8')).toBe('hello');
    expect((await lstat(join(root, 'a/b/c'))).mode & 0o777).toBe(0o640);
    expect(writer.report()).toEqual({ files: 1, bytes: 5, skipped: [] });
  });

  it.each(['../outside', 'a/../../outside', '/etc/x', 'a\\..\\b', 'a/..', 'nul\0name'])(
    'writes nothing for %j',
    async (name) => {
      const writer = new TreeWriter(root, limits);
      await writer.take(file(name), body('evil'));
      expect(writer.report()).toMatchObject({ files: 0, skipped: [{ path: name, why: 'leaves the folder' }] });
      expect(await readFile(join(home, 'outside'), 'utf8')).toBe('untouched');
    },
  );

  it.each(['symlink', 'link', 'character-device', 'fifo'] as const)('leaves a %s out', async (type) => {
    const writer = new TreeWriter(root, limits);
    await writer.take({ ...file('evil'), type }, body(''));
    expect(writer.report().skipped).toEqual([{ path: 'evil', why: type }]);
    await expect(lstat(join(root, 'evil'))).rejects.toThrow('ENOENT');
  });

  it('does not write through links that are there already', async () => {
    await symlink(home, join(root, 'folder'));
    await symlink(join(home, 'outside'), join(root, 'file'));
    const writer = new TreeWriter(root, limits);
    await writer.take(file('folder/outside'), body('evil'));
    await writer.take(file('file'), body('evil'));
    expect(writer.report().skipped.map(({ path }) => path)).toEqual(['folder/outside', 'file']);
    expect(await readFile(join(home, 'outside'), 'utf8')).toBe('untouched');
  });

  it('stops at its limits', async () => {
    const writer = new TreeWriter(root, limits);
    await expect(writer.take(file('big'), body('x'.repeat(101)))).rejects.toMatchObject({
      extra: { reason: 'CopyTooLarge' },
    });
    const many = new TreeWriter(root, { bytesMax: 100, filesMax: 1 });
    await many.take(file('1'), body());
    await expect(many.take(file('2'), body())).rejects.toMatchObject({ extra: { reason: 'CopyTooLarge' } });
  });

  it('takes plain paths apart', () => {
    expect(safeParts('./a//b/./c')).toEqual(['a', 'b', 'c']);
    expect(safeParts('.')).toEqual([]);
  });
});
