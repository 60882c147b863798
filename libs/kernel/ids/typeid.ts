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
  if (nowMs !== startMs || kind !== startKind) {
    startMs = nowMs;
    startKind = kind;
    startText = `${prefixes[kind]}_${timeDigits(nowMs)}`;
  }
  return startText + eightyBits(bytes, 0);
}

/** How the last id began, because many of a kind are made in one millisecond. */
let startMs = -1;
let startKind: IdKind | undefined;
let startText = '';

const digitCodes = Uint8Array.from(Buffer.from(crockford));
const code = (bits: number): number => digitCodes[bits & 31] as number;

/** Eighty bits as sixteen digits, in one text that needs no joining. */
function eightyBits(bytes: Buffer, at: number): string {
  const a = bytes.readUInt32BE(at);
  const b = bytes.readUInt8(at + 4);
  const c = bytes.readUInt32BE(at + 5);
  const d = bytes.readUInt8(at + 9);
  return String.fromCharCode(
    code(a >>> 27),
    code(a >>> 22),
    code(a >>> 17),
    code(a >>> 12),
    code(a >>> 7),
    code(a >>> 2),
    code((a << 3) | (b >>> 5)),
    code(b),
    code(c >>> 27),
    code(c >>> 22),
    code(c >>> 17),
    code(c >>> 12),
    code(c >>> 7),
    code(c >>> 2),
    code((c << 3) | (d >>> 5)),
    code(d),
  );
}

/** encodeBase32 writes 128 bits as 26 characters, the first holding the top three bits. */
export const encodeBase32 = (bytes: Buffer): string => timeDigits(bytes.readUIntBE(0, 6)) + eightyBits(bytes, 6);

/** Two digits for each number of ten bits. */
const pairs = Array.from({ length: 1024 }, (_, bits) => `${crockford[bits >> 5]}${crockford[bits & 31]}`);
const pair = (bits: number): string => pairs[bits] as string;

/** Forty-eight bits as ten digits. */
function timeDigits(value: number): string {
  const high = Math.floor(value / 2 ** 30);
  const low = value % 2 ** 30;
  return pair(high >> 10) + pair(high & 1023) + pair(low >> 20) + pair((low >> 10) & 1023) + pair(low & 1023);
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
