import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomKeyBytes } from '@nm/kernel/ids';
import { FakeClock, systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileKeys } from './file-keys.js';
import { keyProviderConformance } from './key-provider.conformance.js';
import { LocalKeys } from './local-keys.js';

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nm-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = async (path: string, keys: readonly Buffer[]): Promise<void> => {
  await writeFile(`${path}.new`, `${keys.map((key) => key.toString('base64')).join('\n')}\n`);
  await rename(`${path}.new`, path);
};

keyProviderConformance('the environment', async (keys) => new LocalKeys(keys));
keyProviderConformance('a file', async (keys) => {
  const path = join(folder, `keys-${files++}`);
  await write(path, keys);
  return new FileKeys(path, systemClock);
});

describe('FileKeys', () => {
  const [first, second] = [randomKeyBytes(32), randomKeyBytes(32)];
  const context = Buffer.from('c');

  it('takes a new key from the replaced file without a restart, and survives a broken one', async () => {
    const path = join(folder, 'rotating');
    const clock = new FakeClock();
    await write(path, [first]);
    const keys = new FileKeys(path, clock);
    const old = await keys.wrap(first, context);
    await write(path, [second, first]);
    const byOther = await new LocalKeys([second]).wrap(second, context);
    await clock.advance(600);
    expect(await keys.unwrap(byOther, context)).toEqual(second);
    await clock.advance(6_000);
    expect((await keys.wrap(first, context)).keyId).toEqual(byOther.keyId);
    await writeFile(path, 'nonsense');
    await clock.advance(6_000);
    expect((await keys.wrap(first, context)).keyId).toEqual(byOther.keyId);
    await rm(path);
    await clock.advance(6_000);
    expect(await keys.unwrap(old, context)).toEqual(first);
  });

  it('says what is wrong with a file that never was good', async () => {
    const keys = new FileKeys(join(folder, 'absent'), systemClock);
    await expect(keys.newestKeyId()).rejects.toMatchObject({ code: 'config_invalid' });
  });
});
