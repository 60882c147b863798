import type { OutBuffer } from './out-buffer.js';

const lastChunk = '0\r\n';

/** putData adds content to what goes out, as a chunk of its own where the message is chunked. */
export function putData(out: OutBuffer, bytes: Buffer, start: number, end: number, chunked: boolean): void {
  if (chunked) out.text(`${(end - start).toString(16)}\r\n`);
  out.copy(bytes, start, end);
  if (chunked) out.text('\r\n');
}

/** putLastChunk ends a chunked body. @param trailers field lines */
export const putLastChunk = (out: OutBuffer, trailers: string): void => out.text(`${lastChunk}${trailers}\r\n`);
