import { type Dict, isDict, put } from './dict.js';

const number = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** coercePrimitive reads numbers and booleans out of text, as KAMA clients send them; a number that would lose digits stays text. */
export function coercePrimitive(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (number.test(text)) {
    const parsed = Number(text);
    return Number.isInteger(parsed) && !Number.isSafeInteger(parsed) ? value : parsed;
  }
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : value;
}

/** coerceAll does so with every leaf. */
export function coerceAll(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(coerceAll);
  if (!isDict(value)) return coercePrimitive(value);
  const out: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) put(out, key, coerceAll(member));
  return out;
}

const yes = new Set(['true', 'True', 'yes', 'positive']);
const no = new Set(['false', 'False', 'None', 'no', 'negative']);

/** isFilled is the truth of Python, in which empty text, list and object, zero and null are false. */
export function isFilled(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isDict(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** toBoolean reads words such as "positive" and "no" too. */
export function toBoolean(value: unknown): boolean {
  if (typeof value === 'string') return yes.has(value) || (!no.has(value) && value !== '');
  return isFilled(value);
}

/** textOf is a value within text: nothing for what is false (as in the original), JSON for lists and objects. */
export function textOf(value: unknown): string {
  if (!isFilled(value)) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** equalValues compares by content; true equals 1 and false equals 0. */
export function equalValues(left: unknown, right: unknown): boolean {
  if (typeof left === 'boolean' && typeof right === 'number') return Number(left) === right;
  if (typeof right === 'boolean' && typeof left === 'number') return Number(right) === left;
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => equalValues(item, right[index]));
  if (isDict(left) && isDict(right)) return equalDicts(left, right);
  return (left ?? null) === (right ?? null);
}

function equalDicts(left: Dict, right: Dict): boolean {
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key], right[key]));
}
