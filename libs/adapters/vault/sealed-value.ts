import { Fault } from '@nm/kernel/fault';
import { boxOverheadBytes } from './gcm.js';
import type { WrappedKey } from './key-provider.js';

/** A sealed value taken apart. */
export interface SealedValue {
  readonly wrapped: WrappedKey;
  /** The secret, encrypted with the data key. */
  readonly box: Buffer;
}

const formatVersion = 2;
/** Layout 1 had one fixed place for an eight-byte key id and a wrapped key of sixty bytes; it is read, and no longer written. */
const firstVersion = 1;
const firstKeyIdBytes = 8;
const firstWrappedBytes = 60;

/** sealedPrefix is how every value starts that is sealed under a key: version, length of the key's id, the id. */
export const sealedPrefix = (keyId: Buffer): Buffer =>
  Buffer.concat([Buffer.from([formatVersion, keyId.length]), keyId]);

/** joinSealed writes: prefix · length of the wrapped data key (2 bytes) · wrapped data key · box. */
export function joinSealed({ wrapped, box }: SealedValue): Uint8Array<ArrayBuffer> {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(wrapped.bytes.length);
  return new Uint8Array(Buffer.concat([sealedPrefix(wrapped.keyId), length, wrapped.bytes, box]));
}

/** splitSealed @throws Fault seal_broken for anything but a sealed value */
export function splitSealed(sealed: Uint8Array): SealedValue {
  const bytes = Buffer.from(sealed);
  const isFirst = bytes[0] === firstVersion;
  if (!isFirst && bytes[0] !== formatVersion) throw notSealed();
  const idStart = isFirst ? 1 : 2;
  const idEnd = idStart + (isFirst ? firstKeyIdBytes : (bytes[1] ?? 0));
  const keyStart = isFirst ? idEnd : idEnd + 2;
  if (bytes.length < keyStart) throw notSealed();
  const keyEnd = keyStart + (isFirst ? firstWrappedBytes : bytes.readUInt16BE(idEnd));
  if (bytes.length < keyEnd + boxOverheadBytes) throw notSealed();
  return {
    wrapped: { keyId: bytes.subarray(idStart, idEnd), bytes: bytes.subarray(keyStart, keyEnd) },
    box: bytes.subarray(keyEnd),
  };
}

const notSealed = (): Fault => new Fault('seal_broken', { internal: 'not a sealed value' });
