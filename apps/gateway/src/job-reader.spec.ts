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

describe('an answer that may name a job', () => {
  it.each([
    ['bare', ['{"status":"running","job_id":"6b5f-1"}']],
    ['in data', ['{"data":{"job_id":"6b5f-1"}}']],
    ['in pieces', ['\n', '  {"data":{"jo', 'b_id":"6b5', '', 'f-1"}}']],
  ])('names it: %s', (_, pieces) => expect(read(...pieces)).toBe('6b5f-1'));

  it.each([
    ['a run of ours', ['{"job_id":"run_01hzy3v8k6e8p9q2r4s5t6u7vw"}']],
    ['no job', ['{"data":{"job_id":null}}']],
    ['no id', ['{"job_id":"../../admin"}']],
    ['no object', ['["job_id"]']],
    ['half an object', ['{"job_id":"6b5f-1"']],
    ['something compressed', [Buffer.from([0x1f, 0x8b, 8, 0])]],
    ['nothing', []],
    ['too much', ['{"job_id":"6b5f-1","more":"', 'x'.repeat(20_000), '"}']],
  ])('names none: %s', (_, pieces) => expect(read(...pieces)).toBeUndefined());
});
