import type { Writable } from 'node:stream';
import type { OutBuffer } from './out-buffer.js';

/** Data up to this size is copied next to what goes before it: one write for all. */
const copyBytesMax = 16 * 1024;
const lineEnd = Buffer.from('\r\n');
const lastChunk = '0\r\n';

/**
 * putData sends content, small pieces by way of `out` (which the caller sends at the end of its batch), large ones at once with what stands in `out`.
 * @returns false when the socket wants a pause
 */
export function putData(
  out: OutBuffer,
  socket: Writable,
  bytes: Buffer,
  start: number,
  end: number,
  chunked: boolean,
): boolean {
  const count = end - start;
  if (chunked) out.text(`${count.toString(16)}\r\n`);
  if (count <= copyBytesMax && out.fits(count)) {
    out.copy(bytes, start, end);
    if (chunked) out.text('\r\n');
    return true;
  }
  if (out.length === 0 && !chunked) return socket.write(bytes.subarray(start, end));
  socket.cork();
  socket.write(Buffer.from(out.bytes.subarray(0, out.length)));
  out.length = 0;
  const goesOn = socket.write(bytes.subarray(start, end));
  if (chunked) socket.write(lineEnd);
  socket.uncork();
  return goesOn && !socket.writableNeedDrain;
}

/** putLastChunk ends a chunked body. @param trailers field lines */
export const putLastChunk = (out: OutBuffer, trailers: string): void => out.text(`${lastChunk}${trailers}\r\n`);
