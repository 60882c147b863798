import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialTable } from './credential-table.js';

describe('CredentialTable', () => {
  it('never gives one text what belongs to another, and never holds more than it may', () => {
    const text = fc.stringMatching(/^[ab]{0,60}$/);
    const step = fc.tuple(fc.constantFrom('set', 'get', 'delete'), text);
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
        const table = new CredentialTable<string>(20, seed);
        const gone = new Set<string>();
        for (const [what, key] of steps) {
          if (what === 'set') {
            table.set(key, `of ${key}`);
            gone.delete(key);
          } else if (what === 'delete') {
            table.delete(key);
            gone.add(key);
          } else {
            const found = table.get(key);
            expect([undefined, `of ${key}`]).toContain(found);
            if (gone.has(key)) expect(found).toBeUndefined();
          }
          expect(table.size).toBeLessThanOrEqual(21);
        }
      }),
    );
  });

  it('keeps what is in use and forgets what is not', () => {
    const table = new CredentialTable<number>(100, 7);
    table.set('in use', 1);
    for (let i = 0; i < 1_000; i++) {
      table.set(`other ${i}`, i);
      expect(table.get('in use')).toBe(1);
    }
    expect(table.get('other 0')).toBeUndefined();
    expect(table.get('other 999')).toBe(999);
  });

  it('tells apart credentials that differ in one character, wherever it is', () => {
    const table = new CredentialTable<number>(1_000, 7);
    const key = `Bearer nml_${'0'.repeat(51)}`;
    table.set(key, 1);
    for (let i = 0; i < key.length; i++) {
      const other = `${key.slice(0, i)}#${key.slice(i + 1)}`;
      expect(table.get(other)).toBeUndefined();
    }
    expect(table.get(key)).toBe(1);
  });
});
