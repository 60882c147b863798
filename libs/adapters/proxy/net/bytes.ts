/** Bytes and classes of bytes that HTTP/1.1 is made of. */
export const tab = 0x09;
export const lf = 0x0a;
export const cr = 0x0d;
export const space = 0x20;
export const comma = 0x2c;
export const colon = 0x3a;
export const semicolon = 0x3b;

const table = (members: Iterable<number>): Uint8Array => {
  const flags = new Uint8Array(256);
  for (const byte of members) flags[byte] = 1;
  return flags;
};
function* range(from: number, to: number): Iterable<number> {
  for (let byte = from; byte <= to; byte++) yield byte;
}
const codesOf = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));

const alphanumeric = [...range(0x30, 0x39), ...range(0x41, 0x5a), ...range(0x61, 0x7a)];

/** tchar of RFC 9110 §5.6.2. */
export const tokenBytes = table([...alphanumeric, ...codesOf("!#$%&'*+-.^_`|~")]);
/** field-vchar, SP and HTAB of RFC 9110 §5.5; obs-text is passed on uninterpreted. */
export const valueBytes = table([tab, ...range(0x20, 0x7e), ...range(0x80, 0xff)]);
/** What may stand in a request target: visible US-ASCII without `#`, which no request may carry (RFC 9112 §3.2). */
export const targetBytes = table([...range(0x21, 0x22), ...range(0x24, 0x7e)]);
/** host and port of RFC 3986 §3.2.2 and §3.2.3, without user information. */
export const authorityBytes = table([...alphanumeric, ...codesOf("._~!$&'()*+,;=%-:[]")]);

/** hexValue gives the digit's value, or -1. */
export const hexValue = Int8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 && byte >= 0x41 ? lower - 0x57 : -1;
});

/** lowerBytes prepares a name for `equalsLower`. @param name letters, digits and `-` */
export const lowerBytes = (name: string): Uint8Array => Uint8Array.from(codesOf(name.toLowerCase()));

/**
 * equalsLower compares a range with a prepared name, ASCII case aside. The range must hold token bytes only: then no two different bytes meet by
 * setting bit 5, except pairs of letters (`^` and `~`, `_` and DEL are not in prepared names).
 */
export function equalsLower(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (((bytes[start + i] as number) | 0x20) !== lower[i]) return false;
  return true;
}
