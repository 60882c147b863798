import { randomBytes, randomFillSync } from 'node:crypto';

/** randomToken gives `length` characters of the Crockford alphabet: 5 bits each, no look-alikes. */
export function randomToken(length: number, alphabet: string): string {
  let text = '';
  for (const byte of randomBytes(length)) text += alphabet[byte & 31];
  return text;
}

const poolBytes = 8 * 1024;
let pool = Buffer.alloc(0);
let taken = 0;

/** take gives the offset of so many bytes of the pool that nobody had before. */
function take(lengthBytes: number): number {
  if (taken + lengthBytes > pool.length) {
    // A new one each time: what was given away still lies in the old.
    pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes));
    taken = 0;
  }
  taken += lengthBytes;
  return taken - lengthBytes;
}

/**
 * randomIdBytes gives bytes for names that must be unique but are no secrets: from the system's generator like all others, fetched many at a time,
 * because a call for each costs more than everything else about an id.
 */
export function randomIdBytes(lengthBytes: number): Buffer {
  const at = take(lengthBytes);
  return pool.subarray(at, at + lengthBytes);
}

let hexPool = '';
let hexTaken = 0;

/** randomHex gives hexadecimal digits for such names, cut from a text that was made at once. */
export function randomHex(digits: number): string {
  if (hexTaken + digits > hexPool.length) {
    hexPool = randomBytes(poolBytes / 2).toString('hex');
    hexTaken = 0;
  }
  hexTaken += digits;
  return hexPool.slice(hexTaken - digits, hexTaken);
}

/** randomFraction gives a number in [0, 1), for jitter and samples. */
export function randomFraction(): number {
  const at = take(4);
  return pool.readUInt32LE(at) / 2 ** 32;
}

/** randomWord gives 32 bits for such names, as a number that may be negative. */
export function randomWord(): number {
  const at = take(4);
  return pool.readInt32LE(at);
}

/** randomKeyBytes gives key material. */
export const randomKeyBytes = (lengthBytes: number): Buffer => randomBytes(lengthBytes);
