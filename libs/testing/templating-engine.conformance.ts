import type { Ktea, TemplatingEngine } from '@nm/adapters/templating';
import { describe, expect, it } from 'vitest';

/** A templating engine with the templates of `test/engines`, ready to be asked. */
export interface EngineUnderTest {
  readonly engine: TemplatingEngine;
  readonly ktea: Ktea;
  /** The same, stopped after a second; there when its templates can be endless. */
  readonly brief?: TemplatingEngine;
}

export interface EngineTraits {
  /** Its templates can fail in words of their own. */
  readonly words: boolean;
  readonly presets: boolean;
  /** Its templates can run for ever; Jinja's loops always end. */
  readonly endless: boolean;
}

const full = { flavour: 'vanilla', count: 1 };
const idle = () => new AbortController().signal;
const fault = (code: string, words = '') =>
  expect.objectContaining({ code, publicMessage: expect.stringContaining(words) });

/**
 * engineConforms holds a templating engine to the port. What it must render for values: a ConfigMap `shop-menu` with `flavour` and `count` as its data,
 * and `extra` more called `shop-extra-<n>`. With `broken` it must fail in those words, with `garbage` write no manifest, with `huge` too much, with
 * `hang` never end. More than 1 MiB of output must be an error.
 */
export function engineConforms(
  name: string,
  { words, presets, endless }: EngineTraits,
  under: () => EngineUnderTest,
): void {
  const render = (values: Record<string, unknown>, signal = idle()) =>
    under().engine.template(under().ktea, { ...full, ...values }, signal);

  describe(`${name} as a templating engine`, () => {
    it('tells its defaults', async () => {
      expect(await under().engine.defaults(under().ktea, idle())).toMatchObject(full);
    });

    it('renders manifests from values', async () => {
      const [menu, ...more] = await render({ flavour: 'chestnut', count: 3 });
      expect(more).toEqual([]);
      expect(menu).toMatchObject({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'shop-menu' },
        data: { flavour: 'chestnut', count: '3' },
      });
    });

    it.each([
      'sí: €\n- "ö"',
      'yes',
      '$(touch /tmp/pwned) `id`',
      '{{ .Values }} $PATH',
      '--post-renderer=/bin/sh',
      '...\n---\nkind: Pod',
    ])('passes %j on as data', async (flavour) => {
      expect((await render({ flavour })).map((each) => each['data'])).toEqual([{ flavour, count: '1' }]);
    });

    it('keeps the order of many manifests, and skips empty documents', async () => {
      const names = (await render({ extra: 3 })).map((each) => (each['metadata'] as { name: string }).name);
      expect(names).toEqual(['shop-menu', 'shop-extra-1', 'shop-extra-2', 'shop-extra-3']);
    });

    it('fails, in the words of its templates where they have some', async () => {
      await expect(render({ broken: 'no cones are left' })).rejects.toEqual(
        fault('template_failed', words ? 'no cones are left' : ''),
      );
    });

    it('refuses what is no manifest', async () => {
      await expect(render({ garbage: true })).rejects.toEqual(fault('template_failed', ''));
    });

    it('stops at too much output', async () => {
      await expect(render({ huge: true })).rejects.toEqual(fault('template_limit'));
    });

    if (endless) {
      it('stops what never ends', async () => {
        const { brief, ktea } = under();
        await expect(brief?.template(ktea, { ...full, hang: true }, idle())).rejects.toSatisfy(
          ({ code }: { code?: string }) => code === 'template_limit' || code === 'engine_unavailable',
        );
      });

      it('stops when the request is given up, and serves the next one', async () => {
        const given = new AbortController();
        const rendering = render({ hang: true }, given.signal);
        given.abort();
        await expect(rendering).rejects.toEqual(fault('template_limit'));
        expect(await render({})).toHaveLength(1);
      });
    }

    if (presets)
      it('tells its presets', async () => {
        expect(await under().engine.preset?.(under().ktea, 'party', idle())).toEqual({ count: 50 });
      });

    it('serves many at once', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, (_, count) => render({ count })));
      const counts = all.flat().map((each) => (each['data'] as { count: string }).count);
      expect(counts).toEqual(['0', '1', '2', '3', '4', '5']);
    });
  });
}
