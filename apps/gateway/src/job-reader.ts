import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { KamaJobId } from '@nm/kernel/contracts';
import { z } from 'zod';

/** An answer that names a job is short, as it is sent and as it is read. */
const bytesMax = 16 * 1024;
/** Jobs that are runs of ours by now; a KAMA that is built on NMachine gives such ids. */
const ownJob = /^run_/;

const Named = z.object({ job_id: KamaJobId });
/** Older servers answer without `data` around it. */
const Answer = z.union([Named, z.object({ data: Named }).transform(({ data }) => data)]);

/** JobReader reads the id of a job out of an answer that passes by. */
export class JobReader {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** push sees a piece of the answer's content; it copies what it keeps. */
  push(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.#bytes > bytesMax) return;
    this.#bytes += end - start;
    if (this.#bytes > bytesMax) this.#chunks.length = 0;
    else this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** The job that the answer names, unless it is a run of ours. */
  get jobId(): string | undefined {
    if (this.#chunks.length === 0) return undefined;
    try {
      const answer = Answer.safeParse(JSON.parse(plainOf(Buffer.concat(this.#chunks)).toString('utf8')));
      return answer.success && !ownJob.test(answer.data.job_id) ? answer.data.job_id : undefined;
    } catch {
      return undefined;
    }
  }
}

const options = { maxOutputLength: bytesMax };

/** plainOf takes a content coding off, by what the bytes begin with: a piece of an answer does not know its head. @throws when it is none, or too much comes out */
function plainOf(bytes: Buffer): Buffer {
  if (mayBeObject(bytes)) return bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, options);
  if (bytes.length > 4 && bytes.readUInt32LE(0) === 0xfd2fb528) return zstdDecompressSync(bytes, options);
  // Brotli has no mark of its own; what is none is soon refused.
  return (bytes[0] ?? 0) === 0x78 ? inflateSync(bytes, options) : brotliDecompressSync(bytes, options);
}

function mayBeObject(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20 && bytes[at] !== 0x1f) at++;
  return bytes[at] === 0x7b;
}
