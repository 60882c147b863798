import { RunPlan } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { maskDeep, masked, maskOf } from './mask-secrets.js';

const encoded = (text: string) => Buffer.from(text).toString('base64');
const plan = RunPlan.parse({
  steps: [
    {
      kind: 'apply',
      title: 'Apply',
      manifests: [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'db' },
          stringData: { password: 'correct horse', short: 'abc', pem: 'line one of it\nline two of it' },
          data: { token: encoded('battery-staple') },
        },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { note: 'harmless text' } },
      ],
    },
  ],
});

describe('maskOf', () => {
  const mask = maskOf(plan);

  it.each([
    ['a value of a Secret of the plan', 'login with correct horse now', `login with ${masked} now`],
    ['the same in base64', `data: ${encoded('correct horse')}`, `data: ${masked}`],
    ['a value that the plan holds in base64', 'got battery-staple', `got ${masked}`],
    ['a line of a value of several', 'read: line two of it', `read: ${masked}`],
    ['a licence key', `key nml_${'a'.repeat(50)} used`, `key ${masked} used`],
    ['a token in a header', 'authorization: Bearer abcdefghij', `authorization: Bearer ${masked}`],
    ['a JWT', 'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def', `got ${masked}`],
    ['a password in a URL', 'postgres://user:hunter22@db/x', `postgres://user:${masked}@db/x`],
    ['what is called a password', 'PGPASSWORD=hunter22 psql', `PGPASSWORD=${masked} psql`],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----', masked],
  ])('takes out %s', (_, text, expected) => expect(mask(text)).toBe(expected));

  it.each([['harmless text'], ['abc is short'], ['ConfigMap c created'], ['the token of the day is none']])(
    'leaves "%s"',
    (text) => expect(mask(text)).toBe(text),
  );

  it('goes into whatever a step gives', () =>
    expect(maskDeep({ body: 'x correct horse', list: ['battery-staple', 3, null] }, mask)).toEqual({
      body: `x ${masked}`,
      list: [masked, 3, null],
    }));
});
