import { systemClock as clock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { LogBook } from './log-book.js';

const open = (kept = { run: 0, steps: new Map<number, number>() }) => {
  let flushes = 0;
  const flush = async () => void flushes++;
  const book = new LogBook({ clock, mask: (text) => text.replaceAll('secret', 'X'), kept, flush });
  return { book, flushes: () => flushes };
};
const linesOf = (book: LogBook) =>
  book.take().entries.flatMap(({ data }) => ('line' in data ? data.line.split('\n') : []));

describe('LogBook', () => {
  it('gathers lines of one step into a chunk, in order, without secrets, and says how long they are', () => {
    const { book } = open();
    book.add(0, ['one', 'the secret']);
    book.add(1, ['other']);
    book.add(0, ['two']);
    const { entries, chars } = book.take();
    expect(entries).toEqual([
      { kind: 'log', data: { step: 0, line: 'one\nthe X' } },
      { kind: 'log', data: { step: 1, line: 'other' } },
      { kind: 'log', data: { step: 0, line: 'two' } },
    ]);
    expect([...chars]).toEqual([
      [0, 12],
      [1, 5],
    ]);
    expect(book.take().entries).toEqual([]);
  });

  it('writes by itself what nobody takes', async () => {
    const { book, flushes } = open();
    book.add(0, ['one']);
    await expect.poll(flushes).toBe(1);
    book.close();
  });

  it('keeps so much of a step, says where it is cut, and at the end how much is missing', () => {
    const { book } = open();
    const line = 'x'.repeat(2_000);
    for (let i = 0; i < 200; i++) book.add(3, [line]);
    book.add(4, ['another step']);
    book.endStep(3);
    const lines = linesOf(book);
    expect(lines.filter((each) => each === line)).toHaveLength(131);
    expect(lines[131]).toMatch(/^\(the log is cut here: 262144 characters of a step/);
    expect(lines.slice(132)).toEqual(['another step', '(69 more lines were not kept)']);
  });

  it('counts what earlier claims have kept, of the step and of the run', () => {
    const full = open({ run: 0, steps: new Map([[0, 262_140]]) });
    full.book.add(0, ['does not fit']);
    expect(linesOf(full.book)[0]).toContain('a step has said more');
    const run = open({ run: 2_097_150, steps: new Map() });
    run.book.add(0, ['does not fit']);
    expect(linesOf(run.book)[0]).toContain('a run has said more');
  });
});
