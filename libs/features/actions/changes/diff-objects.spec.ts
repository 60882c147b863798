import { describe, expect, it } from 'vitest';
import { diffObjects, hidden, maskObject } from './diff-objects.js';

const object = (kind: string, more: object, metadata: object = {}) => ({
  ...{ apiVersion: 'v1', kind, metadata: { name: 'a', ...metadata } },
  ...more,
});
const map = (data: object, metadata: object = {}) => object('ConfigMap', { data }, metadata);
const numbered = (count: number, value: string) =>
  map(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value])));

describe('what is different between two states of an object', () => {
  it('is each field that changed, came or went, by its JSON pointer', () => {
    const { fields, truncated } = diffObjects(map({ a: '1', b: '2', 'x/y~z': 'q' }), map({ a: '1', b: '3', c: '4' }));
    expect(fields).toEqual([
      { path: '/data/b', from: '2', to: '3' },
      { path: '/data/x~1y~0z', from: 'q' },
      { path: '/data/c', to: '4' },
    ]);
    expect(truncated).toBe(false);
  });

  it('is the whole of it when it was made or deleted', () => {
    expect(diffObjects(undefined, map({ a: '1' })).fields).toContainEqual({ path: '/data', to: { a: '1' } });
    expect(diffObjects(map({ a: '1' }), undefined).fields).toContainEqual({ path: '/data', from: { a: '1' } });
  });

  it('is nothing of what changes by itself, or is kept by kubectl of a whole object', () => {
    const own = (n: string) => ({
      ...{ uid: n, resourceVersion: n, generation: Number(n), creationTimestamp: n, managedFields: [{ manager: n }] },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":"${n}"}` },
    });
    expect(diffObjects(map({ a: '1' }, own('1')), map({ a: '1' }, own('2'))).fields).toEqual([]);
  });

  it('is at most fifty fields, and says that there are more', () => {
    expect(diffObjects(numbered(50, 'a'), numbered(50, 'b'))).toMatchObject({
      truncated: false,
      fields: { length: 50 },
    });
    expect(diffObjects(numbered(51, 'a'), numbered(51, 'b'))).toMatchObject({
      truncated: true,
      fields: { length: 50 },
    });
  });

  it('is long values cut, and says so', () => {
    const { fields, truncated } = diffObjects(map({ a: 'x' }), map({ a: 'y'.repeat(3_000) }));
    expect(truncated).toBe(true);
    expect(String(fields[0]?.to).length).toBe(2_001);
  });

  it('is, of a Secret, that its values changed and not to what; names and types are told', () => {
    const secret = (value: string, type = 'Opaque') => object('Secret', { type, data: { token: value } });
    expect(diffObjects(secret('b25l'), secret('dHdv', 'x')).fields).toEqual([
      { path: '/type', from: 'Opaque', to: 'x' },
      { path: '/data/token', from: hidden, to: hidden },
    ]);
    expect(JSON.stringify(diffObjects(undefined, secret('b25l')))).not.toContain('b25l');
    expect(JSON.stringify(maskObject(secret('b25l')))).not.toContain('b25l');
  });

  it('is nothing of an environment variable whose name says that it is a secret', () => {
    const pod = (password: string, level: string) =>
      object('Pod', {
        spec: {
          containers: [
            {
              env: [
                { name: 'DB_PASSWORD', value: password },
                { name: 'LEVEL', value: level },
              ],
            },
          ],
        },
      });
    const text = JSON.stringify(diffObjects(pod('hunter1', 'info'), pod('hunter2', 'debug')));
    expect(text).not.toMatch(/hunter/);
    expect(text).toContain('debug');
  });
});
