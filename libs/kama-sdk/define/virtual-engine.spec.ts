import { describe, expect, it } from 'vitest';
import { engineConforms } from '../../testing/templating-engine.conformance.js';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { files } from '../test/fakes.js';
import { defineEngine } from './index.js';
import { virtualEngine } from './virtual-engine.js';

const map = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const menu = defineEngine('menu', {
  defaults: () => ({ flavour: 'vanilla', count: 1 }),
  preset: (name) => ({ count: name === 'party' ? 50 : 0 }),
  template: async ({ values, release, signal }) => {
    const { flavour, count, extra = 0, broken, garbage, huge, hang } = values as Record<string, never>;
    if (broken) throw new Error(broken);
    if (garbage) return [{ a: 1 }];
    if (huge) return [map('huge', { text: 'x'.repeat(9 * 1024 * 1024) })];
    if (hang) await new Promise((_, reject) => signal.addEventListener('never', reject));
    const more = Array.from({ length: extra }, (_, n) => map(`${release}-extra-${n + 1}`, {}));
    return [map(`${release}-menu`, { flavour, count: String(count) }), ...more];
  },
});
const engine = virtualEngine(loadBundle(files('{ kind: Supplier, id: a }'), { models: [menu] }), 'shop');
const ktea = { type: 'virtual', uri: 'menu' };

engineConforms('code', { words: true, presets: true, endless: true }, () => ({
  engine,
  ktea,
  brief: {
    ...engine,
    template: (which, values, signal) =>
      engine.template(which, values, AbortSignal.any([signal, AbortSignal.timeout(200)])),
  },
}));

describe('an engine in code', () => {
  it('is named when there is none', async () => {
    const missing = engine.defaults({ type: 'virtual', uri: 'toString' }, new AbortController().signal);
    await expect(missing).rejects.toThrow('there is no virtual engine "toString"; defineEngine makes one');
  });
});
