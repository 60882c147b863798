import { loadBundle, packBundle, unpackBundle } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { BundleShelf } from './bundle-shelf.js';

const bundleOf = (value: number, padding = '') => {
  const { bytes, digest } = packBundle([
    { path: 'descriptors/a.yaml', text: `kind: Supplier\nid: a\nsource: ${value}\n` },
    { path: 'assets/padding', text: padding },
  ]);
  return { digest, bundle: bytes.toString('utf8') };
};

const here = { compile: (text: string) => Promise.resolve().then(() => loadBundle(unpackBundle(Buffer.from(text)))) };

/** A loader that counts, and waits until it is let go. */
function counted(answer: () => { digest: string; bundle: string }) {
  const seen = { loads: 0, release: (): void => undefined };
  const gate = new Promise<void>((resolve) => {
    seen.release = resolve;
  });
  const load = async () => {
    seen.loads += 1;
    await gate;
    return answer();
  };
  return { seen, load };
}

describe('BundleShelf', () => {
  it('loads a version once, however many ask at the same time and afterwards', async () => {
    const shelf = new BundleShelf(here);
    const { seen, load } = counted(() => bundleOf(1));
    const asked = Array.from({ length: 20 }, () => shelf.take('ver_1', load));
    seen.release();
    const [first, ...others] = await Promise.all(asked);
    for (const each of others) expect(each).toBe(first);
    expect(await shelf.take('ver_1', load)).toBe(first);
    expect(seen.loads).toBe(1);
  });

  it('gives two versions of one content the same bundle, and never one version the content of another', async () => {
    const shelf = new BundleShelf(here);
    const one = await shelf.take('ver_1', async () => bundleOf(1));
    expect(await shelf.take('ver_2', async () => bundleOf(1))).toBe(one);
    expect((await shelf.take('ver_3', async () => bundleOf(3))).digest).not.toBe(one.digest);
  });

  it('keeps the most recently used within its memory, and loads the others again', async () => {
    const padding = 'x'.repeat(100_000);
    const shelf = new BundleShelf(here, { bytesMax: 4 * 1024 * 1024 });
    let loads = 0;
    const take = (n: number) =>
      shelf.take(`ver_${n}`, async () => {
        loads += 1;
        return bundleOf(n, padding);
      });
    for (const n of [1, 2, 1, 3, 1, 4, 1]) await take(n);
    expect(loads).toBe(4);
    await take(2);
    expect(loads).toBe(5);
  });

  it('does not answer one caller with the refusal of another, but with that of the bundle', async () => {
    const shelf = new BundleShelf(here);
    let calls = 0;
    const refusedFirst = async () => {
      calls += 1;
      if (calls === 1) throw new Fault('licence_revoked');
      return bundleOf(1);
    };
    const [first, second] = await Promise.allSettled([
      shelf.take('ver_1', refusedFirst),
      shelf.take('ver_1', refusedFirst),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
    const broken = { digest: bundleOf(7).digest, bundle: bundleOf(2).bundle };
    let loads = 0;
    for (const _ of [1, 2, 3])
      await expect(
        shelf.take('ver_2', async () => {
          loads += 1;
          return broken;
        }),
      ).rejects.toMatchObject({ code: 'bundle_invalid' });
    expect(loads).toBe(1);
  });
});
