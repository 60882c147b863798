import { systemClock } from '@nm/kernel/time';
import { type IdKind, prefixes } from './prefixes.js';
import { randomIdBytes } from './random.js';

/** The lower-case Crockford alphabet of the TypeID specification 0.3. */
export const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** newId makes a TypeID (prefix, `_`, 26 characters) of a UUIDv7 (RFC 9562 §5.7), so ids sort by creation. */
export function newId(kind: IdKind, nowMs: number = systemClock.nowMs()): string {
  const bytes = randomIdBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return `${prefixes[kind]}_${encodeBase32(bytes)}`;
}

/** encodeBase32 writes 128 bits as 26 characters, the first holding the top three bits. */
export function encodeBase32(bytes: Buffer): string {
  const first = bytes.readUInt8(0);
  let text = digit(first >> 5) + digit(first);
  // Fifteen bytes are left: three times forty bits, as two halves that fit a small integer.
  for (let at = 1; at < 16; at += 5) {
    const high = bytes.readUIntBE(at, 2) * 16 + (bytes.readUInt8(at + 2) >> 4);
    const low = (bytes.readUInt8(at + 2) & 15) * 65_536 + bytes.readUInt16BE(at + 3);
    text += digit(high >> 15) + digit(high >> 10) + digit(high >> 5) + digit(high);
    text += digit(low >> 15) + digit(low >> 10) + digit(low >> 5) + digit(low);
  }
  return text;
}

const digit = (bits: number): string => crockford[bits & 31] as string;

/** isId tells whether `text` has the form of an id of that kind; it says nothing of its existence. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = `${prefixes[kind]}_`;
  return (
    text.length === prefix.length + 26 &&
    text.startsWith(prefix) &&
    /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(prefix.length))
  );
}
