import { randomWord } from './random.js';
import { crockford } from './typeid.js';

/** The digits of TypeIDs, as bytes. */
export const idDigits = Uint8Array.from(Buffer.from(crockford));

/**
 * RequestId is an id of kind `request` in numbers: every request has one, and few of them are ever wanted as text. Its 26 digits are those of a UUIDv7 (RFC 9562 §5.7) like
 * all others; `timeHigh` holds the first 4 (20 bits), `timeLow` 6 more, and the rest 6, 6 and 4.
 */
export class RequestId {
  readonly timeHigh: number;
  readonly timeLow: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;

  /** @param nowMs milliseconds since the epoch */
  constructor(nowMs: number) {
    this.timeHigh = Math.floor(nowMs / 2 ** 30);
    this.timeLow = nowMs % 2 ** 30;
    const word = randomWord();
    // Version 7, 12 random bits, variant 2, 12 random bits.
    this.a = (7 << 26) | ((word & 0xfff) << 14) | (2 << 12) | ((word >>> 12) & 0xfff);
    this.b = randomWord() & 0x3fffffff;
    this.c = randomWord() & 0xfffff;
  }

  get text(): string {
    const { timeHigh, timeLow, a, b, c } = this;
    return `req_${digits(timeHigh, 4)}${digits(timeLow, 6)}${digits(a, 6)}${digits(b, 6)}${digits(c, 4)}`;
  }
}

function digits(value: number, count: number): string {
  let text = '';
  for (let shift = 5 * (count - 1); shift >= 0; shift -= 5) text += crockford[(value >>> shift) & 31];
  return text;
}
