import { KamaJobId } from '@nm/kernel/contracts';
import { z } from 'zod';

/** An answer that names a job is short. */
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
  #isOther = false;

  /** push sees a piece of the answer's content; it copies what it keeps. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.#isOther || start === end) return;
    this.#bytes += end - start;
    if (this.#bytes > bytesMax || (this.#chunks.length === 0 && !mayBeObject(bytes, start, end))) {
      this.#isOther = true;
      this.#chunks.length = 0;
      return;
    }
    this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** The job that the answer names, unless it is a run of ours. */
  get jobId(): string | undefined {
    if (this.#chunks.length === 0) return undefined;
    try {
      const answer = Answer.safeParse(JSON.parse(Buffer.concat(this.#chunks).toString('utf8')));
      return answer.success && !ownJob.test(answer.data.job_id) ? answer.data.job_id : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Whatever is no JSON object is not worth keeping: a file, a page, something compressed. */
function mayBeObject(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] ?? 0) <= 0x20) at++;
  return at === end || bytes[at] === 0x7b;
}
