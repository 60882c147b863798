import { randomBytes, randomInt } from 'node:crypto';

/** randomToken gives `length` characters of the Crockford alphabet: 5 bits each, no look-alikes. */
export function randomToken(length: number, alphabet: string): string {
  let text = '';
  for (const byte of randomBytes(length)) text += alphabet[byte & 31];
  return text;
}

/** randomFraction gives a number in [0, 1), for jitter. */
export const randomFraction = (): number => randomInt(0, 2 ** 32) / 2 ** 32;

/** randomKeyBytes gives key material. */
export const randomKeyBytes = (lengthBytes: number): Buffer => randomBytes(lengthBytes);
