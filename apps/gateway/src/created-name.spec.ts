import { expect, it } from 'vitest';
import { createdName } from './created-name.js';

it.each([
  ['a built-in kind', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a.b","namespace":"n"', 'a.b'],
  [
    'a custom kind',
    '{"apiVersion":"x/v1","kind":"X","metadata":{"labels":{"name":"no"},"name":"yes"},"spec":{}}',
    'yes',
  ],
  ['pretty-printed', '{\n  "kind": "Pod",\n  "metadata": {\n    "name": "p"', 'p'],
  ['a status', '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure"}', undefined],
  ['what is not JSON', 'k8s\0\n\f', undefined],
  ['an answer that is not an object', 'null', undefined],
])('the name of %s', (_, text, name) => {
  const bytes = Buffer.from(`12345${text}6`);
  expect(createdName(bytes, 5, bytes.length - 1)).toBe(name);
});
