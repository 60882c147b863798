import { systemClock } from '@nm/kernel/time';
import { type IdKind, prefixes } from './prefixes.js';
import { randomIdBytes } from './random.js';

/** The lower-case Crockford alphabet of the TypeID specification 0.3. */
export const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** newId makes a TypeID (prefix, `_`, 26 characters) of a UUIDv7 (RFC 9562 §5.7), so ids sort by creation. */
export function newId(kind: IdKind, nowMs: number = systemClock.nowMs()): string {
  const bytes = randomIdBytes(10);
  bytes[0] = ((bytes[0] as number) & 0x0f) | 0x70;
  bytes[2] = ((bytes[2] as number) & 0x3f) | 0x80;
  if (nowMs !== timeMs) {
    timeMs = nowMs;
    timeText = timeDigits(nowMs);
  }
  return `${prefixes[kind]}_${timeText}${fortyBits(bytes, 0)}${fortyBits(bytes, 5)}`;
}

/** The last time that was written, because many ids are made in one millisecond. */
let timeMs = -1;
let timeText = '';

/** encodeBase32 writes 128 bits as 26 characters, the first holding the top three bits. */
export const encodeBase32 = (bytes: Buffer): string =>
  timeDigits(bytes.readUIntBE(0, 6)) + fortyBits(bytes, 6) + fortyBits(bytes, 11);

/** Two digits for each number of ten bits. */
const pairs = Array.from({ length: 1024 }, (_, bits) => `${crockford[bits >> 5]}${crockford[bits & 31]}`);
const pair = (bits: number): string => pairs[bits] as string;

/** Forty-eight bits as ten digits. */
function timeDigits(value: number): string {
  const high = Math.floor(value / 2 ** 30);
  const low = value % 2 ** 30;
  return pair(high >> 10) + pair(high & 1023) + pair(low >> 20) + pair((low >> 10) & 1023) + pair(low & 1023);
}

function fortyBits(bytes: Uint8Array, at: number): string {
  const second = bytes[at + 1] as number;
  const third = bytes[at + 2] as number;
  const fourth = bytes[at + 3] as number;
  return (
    pair(((bytes[at] as number) << 2) | (second >> 6)) +
    pair(((second & 63) << 4) | (third >> 4)) +
    pair(((third & 15) << 6) | (fourth >> 2)) +
    pair(((fourth & 3) << 8) | (bytes[at + 4] as number))
  );
}

/** isId tells whether `text` has the form of an id of that kind; it says nothing of its existence. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = `${prefixes[kind]}_`;
  return (
    text.length === prefix.length + 26 &&
    text.startsWith(prefix) &&
    /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(prefix.length))
  );
}
