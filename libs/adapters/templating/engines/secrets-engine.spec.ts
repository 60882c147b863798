import { describe, expect, it } from 'vitest';
import { secretsEngine } from './secrets-engine.js';

const idle = () => new AbortController().signal;
const render = (values: Record<string, unknown>) => secretsEngine.template({ type: 'vals2sec' }, values, idle());
const secrets = { db: { user: 'ann', password: 'sí 1' }, port: 5432 };
const encoded = (text: string) => Buffer.from(text).toString('base64');

describe('values to Secrets', () => {
  it('are one Secret with a dotted key for each leaf', async () => {
    expect(await render({ secrets, single_secret_name: 'shop', type: 'Opaque' })).toEqual([
      {
        ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shop' }, type: 'Opaque' },
        data: { 'db.user': encoded('ann'), 'db.password': encoded('sí 1'), port: encoded('5432') },
      },
    ]);
  });

  it('are many, each with a name of its own, when that is asked for', async () => {
    const all = await render({ secrets, strategy: 'multi-secret' });
    expect(all.map(({ metadata, data }) => [(metadata as { name: string }).name, Object.keys(data as object)])).toEqual(
      [
        ['injections-db.user', ['db.user']],
        ['injections-db.password', ['db.password']],
        ['injections-port', ['port']],
      ],
    );
  });

  it('are none without values', async () => {
    expect(await render({})).toEqual([]);
    expect(await render(await secretsEngine.defaults({}, idle()))).toEqual([]);
  });

  it('take Base64 as it is when told so, and say which is none without telling it', async () => {
    expect((await render({ secrets: { a: 'YQ==' }, b64_enc: false }))[0]?.['data']).toEqual({ a: 'YQ==' });
    const refused = render({ secrets: { a: { b: 'plain secret' } }, b64_enc: false });
    await expect(refused).rejects.toMatchObject({
      code: 'template_failed',
      publicMessage: expect.stringContaining('secrets.a.b'),
    });
    await expect(refused).rejects.not.toThrow(/plain secret/);
  });

  it.each([
    [{ secrets, strategy: 'none' }, 'strategy'],
    [{ secrets, single_secret_name: 'No Name' }, 'No Name'],
    [{ secrets: { 'a/b': 1 } }, 'a/b'],
    [{ secrets: JSON.parse(`${'{"a":'.repeat(30)}1${'}'.repeat(30)}`) }, 'nested'],
  ])('are refused as %j', async (values, words) => {
    await expect(render(values)).rejects.toThrow(words);
  });
});
