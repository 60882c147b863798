/**
 * PROXY protocol, version 2 (the HAProxy specification §2.2): a balancer that passes bytes on says before the first of them who the client is. Only
 * the binary form; a connection that must have it and has not is closed.
 */
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const headerBytes = 16;
/** Addresses and extensions; more is no honest header. */
const restBytesMax = 2_048;

export const proxyIncomplete = 0;
export const proxyMalformed = -1;

export interface ProxyHeader {
  /** Offset after the header, `proxyIncomplete`, or `proxyMalformed`. */
  readonly end: number;
  /** Undefined for LOCAL (the balancer's own check) and for families without an IP address: the peer itself is meant. */
  readonly address?: string;
}

/** parseProxyHeader reads from the first byte of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, signature.length);
  if (bytes.compare(signature, 0, seen, 0, seen) !== 0) return { end: proxyMalformed };
  if (bytes.length < headerBytes) return { end: proxyIncomplete };
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const length = bytes.readUInt16BE(14);
  const command = versionAndCommand & 15;
  if (versionAndCommand >> 4 !== 2 || command > 1 || length > restBytesMax) return { end: proxyMalformed };
  const end = headerBytes + length;
  if (bytes.length < end) return { end: proxyIncomplete };
  if (command === 0) return { end };
  if (family === 1) return length < 12 ? { end: proxyMalformed } : { end, address: ipv4(bytes) };
  if (family === 2) return length < 36 ? { end: proxyMalformed } : { end, address: ipv6(bytes) };
  return { end };
}

const ipv4 = (bytes: Buffer): string => [...bytes.subarray(headerBytes, headerBytes + 4)].join('.');

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(headerBytes + 2 * i).toString(16));
  return groups.join(':');
}
