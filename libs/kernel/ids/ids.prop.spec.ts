import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mintBearerKey, parseBearerKey } from './bearer-key.js';
import { crockford, encodeBase32, isId, newId } from './typeid.js';

describe('newId', () => {
  it('encodes as the TypeID specification does (its published vectors)', () => {
    const hex = (text: string) => encodeBase32(Buffer.from(text.replaceAll('-', ''), 'hex'));
    expect(hex('00000000-0000-0000-0000-000000000000')).toBe('00000000000000000000000000');
    expect(hex('00000000-0000-0000-0000-000000000001')).toBe('00000000000000000000000001');
    expect(hex('ffffffff-ffff-ffff-ffff-ffffffffffff')).toBe('7zzzzzzzzzzzzzzzzzzzzzzzzz');
    expect(hex('01890a5d-ac96-774b-bcce-b302099a8057')).toBe('01h455vb4pex5vsknk084sn02q');
  });

  it('sorts by the time of creation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 }), fc.integer({ min: 1, max: 10_000 }), (ms, later) => {
        expect(newId('run', ms) < newId('run', ms + later)).toBe(true);
      }),
    );
  });

  it('is recognised by its kind only', () => {
    const id = newId('licence');
    expect(isId('licence', id)).toBe(true);
    expect(isId('install', id)).toBe(false);
    expect(isId('licence', `${id}x`)).toBe(false);
    expect(isId('licence', `lic_8${id.slice(5)}`)).toBe(false);
  });
});

describe('bearer keys', () => {
  it('are parsed back to what was minted', () => {
    for (const kind of ['licence', 'apiToken', 'refresh'] as const) {
      const key = mintBearerKey(kind);
      expect(parseBearerKey(key.text)).toEqual(key);
    }
  });

  it('are refused, without a look-up, when any one character is mistyped', () => {
    const { text } = mintBearerKey('licence');
    const accepted = [];
    for (let at = 4; at < text.length; at++) {
      if (text[at] === '_') continue;
      const typo = text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1);
      if (parseBearerKey(typo)) accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });

  it('never throw on whatever a client sends', () => {
    fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => parseBearerKey(text) === undefined));
  });
});

describe('encodeBase32', () => {
  it('writes the number that the bytes are, in base 32', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
        let text = '';
        for (let i = 0; i < 26; i++, value >>= 5n) text = crockford[Number(value & 31n)] + text;
        expect(encodeBase32(Buffer.from(bytes))).toBe(text);
      }),
    );
  });
});
