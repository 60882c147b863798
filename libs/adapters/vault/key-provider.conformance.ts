import { randomKeyBytes } from '@nm/kernel/ids';
import { describe, expect, it } from 'vitest';
import type { KeyProvider } from './key-provider.js';

/** A way to make the provider under test; `keys` in order, the first is the newest. */
export type MakeProvider = (keys: readonly Buffer[]) => Promise<KeyProvider>;

const context = Buffer.from('5:org_15:clu_1');
const broken = { code: 'seal_broken' };

/** keyProviderConformance is what every KeyProvider must do, wherever it keeps its keys. */
export function keyProviderConformance(name: string, make: MakeProvider): void {
  describe(`${name}, as a KeyProvider`, () => {
    const [first, second] = [randomKeyBytes(32), randomKeyBytes(32)];
    const dataKey = randomKeyBytes(32);

    it('unwraps what it wrapped, and wraps differently each time', async () => {
      const provider = await make([first]);
      const [one, two] = [await provider.wrap(dataKey, context), await provider.wrap(dataKey, context)];
      expect(one.bytes).not.toEqual(two.bytes);
      expect(one.bytes.includes(dataKey)).toBe(false);
      expect(await provider.unwrap(one, context)).toEqual(dataKey);
      expect(one.keyId).toEqual(await provider.newestKeyId());
      expect(one.keyId.length).toBeLessThanOrEqual(255);
      expect(one.bytes.length).toBeLessThanOrEqual(65_535);
    });

    it('binds the context', async () => {
      const provider = await make([first]);
      const wrapped = await provider.wrap(dataKey, context);
      await expect(provider.unwrap(wrapped, Buffer.from('other'))).rejects.toMatchObject(broken);
    });

    it('refuses a changed value and an unknown key', async () => {
      const provider = await make([first]);
      const { keyId, bytes } = await provider.wrap(dataKey, context);
      const changed = Buffer.from(bytes);
      changed[0] = (changed[0] as number) ^ 1;
      await expect(provider.unwrap({ keyId, bytes: changed }, context)).rejects.toMatchObject(broken);
      await expect(provider.unwrap({ keyId: Buffer.from('?'), bytes }, context)).rejects.toMatchObject(broken);
      await expect((await make([second])).unwrap({ keyId, bytes }, context)).rejects.toMatchObject(broken);
    });

    it('wraps with the newest of several keys and unwraps with any', async () => {
      const before = await (await make([first])).wrap(dataKey, context);
      const both = await make([second, first]);
      expect(await both.unwrap(before, context)).toEqual(dataKey);
      const after = await both.wrap(dataKey, context);
      expect(after.keyId).not.toEqual(before.keyId);
      expect(await (await make([second])).unwrap(after, context)).toEqual(dataKey);
    });
  });
}
