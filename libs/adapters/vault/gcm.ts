import { createCipheriv, createDecipheriv } from 'node:crypto';
import { randomKeyBytes } from '@nm/kernel/ids';

const nonceBytes = 12;
const tagBytes = 16;

/** Bytes that a box has beside its content. */
export const boxOverheadBytes = nonceBytes + tagBytes;

/** encrypt makes a box: nonce, ciphertext, tag (AES-256-GCM). */
export function encrypt(key: Buffer, plain: Buffer, aad: Buffer): Buffer {
  const nonce = randomKeyBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** decrypt opens a box. @throws Error when key, box or additional data are not those of `encrypt` */
export function decrypt(key: Buffer, box: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(aad).setAuthTag(box.subarray(-tagBytes));
  return Buffer.concat([decipher.update(box.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}
