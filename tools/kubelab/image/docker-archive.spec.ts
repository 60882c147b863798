import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeImage } from './docker-archive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubelab-image-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LONG = `${'long-'.repeat(30)}name`;

function rootfs(name: string, order: readonly string[]): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const file of order) writeFileSync(join(root, 'bin', file), `content of ${file}`);
  for (const file of order) chmodSync(join(root, 'bin', file), 0o755);
  symlinkSync('b', join(root, 'bin', 'link'));
  symlinkSync(`/${LONG}`, join(root, 'long-link'));
  return root;
}

const tar = (...args: string[]) => spawnSync('tar', args, { encoding: 'utf8' });

it('gives the same bytes for the same content, whenever and in whatever order it was written', async () => {
  const [one, two] = [rootfs('one', ['a', 'b', LONG]), rootfs('two', [LONG, 'b', 'a'])];
  utimesSync(join(two, 'bin', 'a'), 1, 1);
  const ids = [
    await writeImage(join(folder, '1.tar'), 'x/y:1', one, { Cmd: ['/bin/a'] }),
    await writeImage(join(folder, '2.tar'), 'x/y:1', two, { Cmd: ['/bin/a'] }),
  ];
  expect(ids[0]).toBe(ids[1]);
  expect(readFileSync(join(folder, '1.tar'))).toEqual(readFileSync(join(folder, '2.tar')));
});

it('gives another id for other content or another configuration', async () => {
  const root = rootfs('one', ['a', 'b']);
  const before = await writeImage(join(folder, '1.tar'), 'x/y:1', root, {});
  const configured = await writeImage(join(folder, '2.tar'), 'x/y:1', root, { User: '1000' });
  writeFileSync(join(root, 'bin', 'a'), 'changed');
  const changed = await writeImage(join(folder, '3.tar'), 'x/y:1', root, {});
  expect(new Set([before, configured, changed]).size).toBe(3);
});

it('writes an archive that tar unpacks to what was put in, with digests that hold', async () => {
  const id = await writeImage(join(folder, 'i.tar'), 'x/y:1', rootfs('one', ['a', 'b', LONG]), {
    Entrypoint: ['/bin/b'],
  });
  const out = join(folder, 'out');
  mkdirSync(out);
  expect(tar('-xf', join(folder, 'i.tar'), '-C', out)).toMatchObject({ status: 0, stderr: '' });
  const [manifest] = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as [
    { Config: string; RepoTags: string[]; Layers: string[] },
  ];
  expect(manifest.RepoTags).toEqual(['x/y:1']);
  const config = readFileSync(join(out, manifest.Config));
  expect(`sha256:${createHash('sha256').update(config).digest('hex')}`).toBe(id);
  const layer = join(out, manifest.Layers[0]!);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  expect(JSON.parse(config.toString())).toMatchObject({
    config: { Entrypoint: ['/bin/b'] },
    rootfs: { diff_ids: [`sha256:${digest}`] },
  });
  const listed = tar('--numeric-owner', '-tvf', layer);
  expect(listed.stderr).toBe('');
  expect(
    listed.stdout
      .split('\n')
      .filter(Boolean)
      .every((line) => / 0\/0 .* 1970-01-01 /.test(line)),
  ).toBe(true);
  expect(tar('-xOf', layer, `bin/${LONG}`).stdout).toBe(`content of ${LONG}`);
  expect(listed.stdout).toContain('bin/link -> b');
  expect(listed.stdout).toContain(`long-link -> /${LONG}`);
});
