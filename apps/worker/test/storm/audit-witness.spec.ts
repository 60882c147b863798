import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hearWitness } from './audit-witness.js';

const folder = mkdtempSync(join(tmpdir(), 'nm-witness-'));
const said = (verb: string, version: number, value: string, more: object = {}) => ({
  ...{ verb, requestURI: '/api/v1/x', responseStatus: { code: 200 }, user: { username: 'install' } },
  objectRef: { namespace: 'n', resource: 'configmaps', name: 'one' },
  responseObject: { metadata: { name: 'one', resourceVersion: String(version) }, data: { value } },
  ...more,
});

describe('the witness of a storm', () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  const hear = async (...events: object[]) => {
    const file = join(folder, 'audit.log');
    writeFileSync(file, `${events.map((event) => JSON.stringify(event)).join('\n')}\n{"half`);
    return (await hearWitness(file, new Set(['n']))).effects.get('one');
  };

  it('counts a write that came again with the same value as none', async () =>
    expect(await hear(said('create', 1, 'a'), said('patch', 2, 'a'), said('patch', 3, 'b'))).toEqual(['a', 'b']));

  it('sees a late write, a second creation and the order in which they took effect', async () => {
    expect(await hear(said('patch', 4, 'a'), said('create', 1, 'a'), said('patch', 3, 'b'))).toEqual(['a', 'b', 'a']);
    expect(await hear(said('create', 1, 'a'), said('create', 2, 'a'))).toEqual(['a', 'a']);
  });

  it('listens to nothing that was refused, dry, elsewhere or done by the cluster itself', async () =>
    expect(
      await hear(
        said('create', 1, 'a', { responseStatus: { code: 409 } }),
        said('create', 2, 'b', { requestURI: '/api/v1/x?dryRun=All' }),
        said('create', 3, 'c', { objectRef: { namespace: 'm', resource: 'configmaps', name: 'one' } }),
        said('create', 4, 'd', { user: { username: 'system:serviceaccount:kube-system:job-controller' } }),
      ),
    ).toBeUndefined());
});
