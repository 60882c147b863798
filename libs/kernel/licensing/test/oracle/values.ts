/** Values of the language: int is a bigint, double a number. */
export type Value = boolean | string | bigint | number | Instant | Span | readonly Value[] | ReadonlyMap<string, Value>;
export interface Instant {
  readonly instantMs: number;
}
export interface Span {
  readonly spanMs: number;
}
/** An evaluation that failed. It travels as a value: the oracle throws nothing. */
export const FAIL = Symbol('fail');
export type Outcome = Value | typeof FAIL;

export type Kind = 'bool' | 'string' | 'int' | 'double' | 'ts' | 'dur' | 'list' | 'map';

const primitives: Readonly<Record<string, Kind>> = {
  boolean: 'bool',
  string: 'string',
  bigint: 'int',
  number: 'double',
};

export function kindOf(value: Value): Kind {
  if (typeof value !== 'object') return primitives[typeof value]!;
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'map';
  return 'instantMs' in value ? 'ts' : 'dur';
}

/** -1, 0, 1; `none` for what has no order (NaN); FAIL for kinds that cannot be compared. */
export type Order = -1 | 0 | 1 | 'none' | typeof FAIL;

const sign = <T extends number | bigint | boolean | string>(a: T, b: T): -1 | 0 | 1 | 'none' =>
  a < b ? -1 : a > b ? 1 : Number.isNaN(a as number) || Number.isNaN(b as number) ? 'none' : 0;

/** A text whose order by code units is the order of the original by code points. */
const codePoints = (text: string): string =>
  [...text].map((char) => char.codePointAt(0)!.toString(16).padStart(6, '0')).join('');

export function order(a: Value, b: Value): Order {
  const kinds = `${kindOf(a)} ${kindOf(b)}`;
  switch (kinds) {
    case 'int int':
    case 'double double':
    case 'int double':
    case 'double int':
      // JavaScript orders a bigint and a number by their exact values.
      return sign(a as number, b as number);
    case 'bool bool':
      return sign(a as boolean, b as boolean);
    case 'string string':
      return sign(codePoints(a as string), codePoints(b as string));
    case 'ts ts':
      return sign((a as Instant).instantMs, (b as Instant).instantMs);
    case 'dur dur':
      return sign((a as Span).spanMs, (b as Span).spanMs);
    default:
      return FAIL;
  }
}

export function equal(a: Value, b: Value): boolean {
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
  return order(a, b) === 0;
}
