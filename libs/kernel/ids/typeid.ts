import { randomBytes } from 'node:crypto';
import { systemClock } from '@nm/kernel/time';
import { type IdKind, prefixes } from './prefixes.js';

/** The lower-case Crockford alphabet of the TypeID specification 0.3. */
export const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** newId makes a TypeID (prefix, `_`, 26 characters) of a UUIDv7 (RFC 9562 §5.7), so ids sort by creation. */
export function newId(kind: IdKind, nowMs: number = systemClock.nowMs()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return `${prefixes[kind]}_${encodeBase32(bytes)}`;
}

/** encodeBase32 writes 128 bits as 26 characters, the first holding the top three bits. */
export function encodeBase32(bytes: Buffer): string {
  let value = bytes.readBigUInt64BE(0) * 2n ** 64n + bytes.readBigUInt64BE(8);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = crockford[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
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
