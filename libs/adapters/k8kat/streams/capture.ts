import type { Readable } from 'node:stream';

/** Captured is what a stream said, at most so much of it. */
export interface Captured {
  readonly bytes: Buffer;
  /** There was more, which was read and dropped. */
  readonly cut: boolean;
}

/** capture reads a stream to its end and keeps at most `bytesMax`; it goes on reading after that, so that the sender is not held up. */
export async function capture(stream: Readable, bytesMax: number): Promise<Captured> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes < bytesMax) chunks.push(chunk);
    bytes += chunk.length;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, bytesMax), cut: bytes > bytesMax };
}
