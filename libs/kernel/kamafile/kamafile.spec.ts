import { describe, expect, it } from 'vitest';
import { deepOf, flatOf, kamafileData, mergedVars, parseKamafile, unsetVars, type Vars, valueAt } from './index.js';

const one = (space: object) => parseKamafile({ app: JSON.stringify(space) }).get('app');

describe('the Kamafile', () => {
  it('keeps what it does not know, and writes the publisher’s level under the name that running servers read', () => {
    const data = kamafileData(parseKamafile({ app: '{"novel":{"a":1},"publisher_injection_vars":{"b":2}}' }));
    expect(JSON.parse(data['app'] ?? '')).toEqual({
      novel: { a: 1 },
      vendor_injection_vars: { b: 2 },
      default_vars: {},
      user_injection_vars: {},
      user_vars: {},
      prefs: {},
    });
  });

  it('merges the four levels deeply, lists as a whole', () => {
    const space = one({
      default_vars: { db: { host: 'pg', port: 5432 }, hosts: [1, 2] },
      vendor_injection_vars: { db: { host: 'vendor' } },
      user_injection_vars: { db: { user: 'me' } },
      user_vars: { 'db.port': 1, hosts: [3] },
    });
    expect(space && mergedVars(space)).toEqual({ db: { host: 'vendor', port: 1, user: 'me' }, hosts: [3] });
  });

  it('reads injections that were stored with flat keys, so that they count', () => {
    const space = one({ default_vars: { a: { b: 1 } }, vendor_injection_vars: { 'a.b': 2 } });
    expect(space && mergedVars(space)).toEqual({ a: { b: 2 } });
  });

  it('reads the first layout', () => {
    const kamafile = parseKamafile({
      app_id: '7',
      is_dev: 'True',
      install_uuid: 'u-1',
      tam: '{"type":"server","uri":"https://x.test","version":"1.0.0"}',
      status: 'running',
      manifest_variables: '{"a":{"b":1}}',
      manifest_defaults: '{"a":{"c":2}}',
      prefs: '{"p":1}',
    });
    expect([...kamafile.keys()]).toEqual(['app']);
    expect(kamafile.get('app')).toMatchObject({
      fields: {
        app_id: '7',
        is_prototype: true,
        install_id: 'u-1',
        status: 'running',
        ktea: { type: 'server', uri: 'https://x.test', version: '1.0.0' },
      },
      levels: { default_vars: { a: { c: 2 } }, user_vars: { a: { b: 1 } } },
      prefs: { p: 1 },
    });
  });

  it.each([
    [{ app: '{' }, 'space "app" is not JSON'],
    [{ app: '[]' }, 'space "app" is not an object'],
    [{ app: '{"user_vars":[]}' }, '"user_vars" of space "app" is not an object'],
    [{ app: '{"is_prototype":"yes"}' }, '"is_prototype" of space "app"'],
    [{ tam: '{' }, '"tam" is not JSON'],
  ])('says what is wrong with %j', (data, message) => {
    expect(() => parseKamafile(data as Record<string, string>)).toThrow(
      expect.objectContaining({ code: 'kamafile_invalid', publicMessage: expect.stringContaining(message) }),
    );
  });

  it('refuses what is nested without end', () => {
    const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`;
    expect(() => one(JSON.parse(`{"user_vars":${deep}}`))).toThrow(
      expect.objectContaining({ code: 'kamafile_invalid' }),
    );
    expect(() => one({ user_vars: { [Array(100).fill('a').join('.')]: { b: 1 } } })).toThrow();
  });

  it('takes names as they come: of two that clash the later wins, and empty parts are no parts', () => {
    expect(deepOf({ a: 1, 'a.b': 2 })).toEqual({ a: { b: 2 } });
    expect(deepOf({ 'a.b': 2, a: 1 })).toEqual({ a: 1 });
    expect(deepOf({ 'a..b': 1, '.': 2 })).toEqual({ 'a..b': 1, '.': 2 });
    expect(flatOf({ a: { b: {} } })).toEqual({ 'a.b': {} });
    expect(unsetVars({ a: { b: 1 }, c: 2 } as Vars, ['a.b', 'nope.x'])).toEqual({ c: 2 });
    expect(valueAt({ a: { b: 1 } }, 'a.b.c')).toBeUndefined();
  });
});
