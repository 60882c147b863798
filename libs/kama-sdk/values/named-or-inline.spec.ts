import { expect, it } from 'vitest';
import { namedOrInline } from './named-or-inline.js';

it('takes a plain id as it is, also one that happens to be base64', () => {
  for (const id of ['app.action.install', 'abcd', 'MTIz', '']) expect(namedOrInline(id)).toBe(id);
});

it('opens a descriptor that came as base64 of JSON', () => {
  const descriptor = { kind: 'WaitAction', seconds: 1 };
  expect(namedOrInline(Buffer.from(JSON.stringify(descriptor)).toString('base64'))).toEqual(descriptor);
});
