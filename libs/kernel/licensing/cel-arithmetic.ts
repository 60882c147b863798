import { evaluate } from '@marcbachmann/cel-js';

/** The evaluator's durations: whole seconds and parts of one. As a number they are milliseconds. */
interface Duration {
  valueOf(): number;
}
/** It is not exported, so one is asked for. */
const Duration = (evaluate('duration("1s")') as { constructor: new (seconds: bigint, nanos: number) => Duration })
  .constructor;

/** Timestamps of CEL lie in the years 1 to 9999, durations within ten thousand years (google/protobuf/{timestamp,duration}.proto). */
export const firstInstantMs = -62_135_596_800_000;
export const lastInstantMs = 253_402_300_799_999;
const spanMsMax = 315_576_000_000_000;

const intMin = -(2n ** 63n);
/** The greatest int. */
export const intMax = 2n ** 63n - 1n;

/** inInt gives an int back. @throws RangeError when it has more than 64 bits */
export function inInt(value: bigint): bigint {
  if (value < intMin || value > intMax) throw new RangeError('an int has 64 bits');
  return value;
}

function instantAt(ms: number): Date {
  if (!(ms >= firstInstantMs && ms <= lastInstantMs)) throw new RangeError('a timestamp lies in the years 1 to 9999');
  return new Date(ms);
}

/** spanOf makes a duration whose parts of a second are never negative, so that equal ones have equal parts; the evaluator's own sums do not keep to that. */
function spanOf(ms: number): Duration {
  if (!(Math.abs(ms) <= spanMsMax)) throw new RangeError('a duration lies within 10,000 years');
  const seconds = Math.floor(ms / 1000);
  return new Duration(BigInt(seconds), (ms - seconds * 1000) * 1_000_000);
}

const isTime = (value: unknown): value is Date | Duration => value instanceof Date || value instanceof Duration;

/** timeSum adds or subtracts timestamps and durations of whole milliseconds, exactly. @returns undefined when the operands are something else @throws RangeError */
export function timeSum(op: '+' | '-', left: unknown, right: unknown): Date | Duration | undefined {
  if (!isTime(left) || !isTime(right)) return undefined;
  const ms = op === '+' ? left.valueOf() + right.valueOf() : left.valueOf() - right.valueOf();
  return left instanceof Date === right instanceof Date ? spanOf(ms) : instantAt(ms);
}

/** Surrogates stand for code points behind all others of UTF-16. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** orderOfTexts compares by code points, as CEL does; JavaScript compares by UTF-16 code units. @returns below, above or equal to 0 */
export function orderOfTexts(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [left.charCodeAt(i), right.charCodeAt(i)];
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}
