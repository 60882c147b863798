import { hasCode } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { readBody } from './read-body.js';

const codeOf = (text: string): string => {
  try {
    readBody(text);
    return 'none';
  } catch (error) {
    return ['malformed_json', 'invalid_body'].find((code) => hasCode(error, code as 'invalid_body')) ?? String(error);
  }
};

describe('readBody', () => {
  it('reads an object, nothing at all, and an object within a JSON string', () => {
    expect(readBody('{"a":{"b":[1]}}')).toEqual({ a: { b: [1] } });
    expect(readBody(' ')).toEqual({});
    expect(readBody(JSON.stringify(JSON.stringify({ a: 1 })))).toEqual({ a: 1 });
  });

  it('makes numbers and truth values of text that is written like them', () => {
    expect(readBody('{"n":"42","f":"4.2","t":"True","x":"many"}')).toEqual({ n: 42, f: 4.2, t: true, x: 'many' });
  });

  it('refuses what is no JSON, no object, and a string within a string within a string', () => {
    expect(codeOf('{')).toBe('malformed_json');
    for (const text of ['[]', 'null', '3', '"{\\"a"', JSON.stringify(JSON.stringify('{}'))])
      expect(['malformed_json', 'invalid_body']).toContain(codeOf(text));
  });

  it('never reaches a prototype', () => {
    expect(Object.getPrototypeOf(readBody('{"__proto__":{"polluted":"1"}}'))).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
