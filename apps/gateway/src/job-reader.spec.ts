import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { JobReader } from './job-reader.js';

function read(...pieces: (string | Buffer)[]): string | undefined {
  const reader = new JobReader();
  for (const piece of pieces) {
    // What passes by lies in a buffer that is used again.
    const passing = Buffer.from(`..${Buffer.from(piece).toString('latin1')}..`, 'latin1');
    reader.push(passing, 2, passing.length - 2);
    passing.fill(0x20);
  }
  return reader.jobId;
}

const answer = '{"data":{"job_id":"6b5f-1"}}';
const bomb = `{"job_id":"6b5f-1","more":"${'x'.repeat(10_000_000)}"}`;

describe('an answer that may name a job', () => {
  it.each([
    ['bare', ['{"status":"running","job_id":"6b5f-1"}']],
    ['in data', ['{"data":{"job_id":"6b5f-1"}}']],
    ['in pieces', ['\n', '  {"data":{"jo', 'b_id":"6b5', '', 'f-1"}}']],
    ['by gzip', [gzipSync(answer)]],
    ['by deflate', [deflateSync(answer)]],
    ['by zstd', [zstdCompressSync(answer)]],
    ['by Brotli', [brotliCompressSync(answer)]],
    ['by Brotli, quickly', [brotliCompressSync(answer, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })]],
    ['by gzip in pieces', [...gzipSync(answer)].map((byte) => Buffer.from([byte]))],
  ])('names it: %s', (_, pieces) => expect(read(...pieces)).toBe('6b5f-1'));

  it.each([
    ['a run of ours', ['{"job_id":"run_01hzy3v8k6e8p9q2r4s5t6u7vw"}']],
    ['no job', ['{"data":{"job_id":null}}']],
    ['no id', ['{"job_id":"../../admin"}']],
    ['no object', ['["job_id"]']],
    ['half an object', ['{"job_id":"6b5f-1"']],
    ['half of something compressed', [gzipSync(answer).subarray(0, 20)]],
    ['a page', ['<html>job_id</html>']],
    ['a small thing that becomes large: gzip', [gzipSync(bomb)]],
    ['a small thing that becomes large: Brotli', [brotliCompressSync(bomb)]],
    ['a small thing that becomes large: zstd', [zstdCompressSync(bomb)]],
    ['nothing', []],
    ['too much', ['{"job_id":"6b5f-1","more":"', 'x'.repeat(20_000), '"}']],
  ])('names none: %s', (_, pieces) => expect(read(...pieces)).toBeUndefined());
});
