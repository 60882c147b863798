import { describe, expect, it } from 'vitest';
import { GroupCalls } from './group-calls.js';

interface Row {
  readonly of: number;
}

/** A statement that is answered when the test says so. */
function underTest(options: { apart?: boolean; callsMax?: number } = {}) {
  const written: (readonly number[])[] = [];
  const sent: { asked: readonly number[]; end: (error?: Error) => void }[] = [];
  const statement = {
    name: 'double',
    text: '',
    values: (asked: readonly number[]) => [asked],
    answers: (asked: readonly number[], rows: readonly Row[]) =>
      asked.map((each) => rows.find((row) => row.of === each)),
  };
  const query = (asked: readonly number[]) =>
    new Promise<readonly Row[]>((resolve, reject) => {
      const end = (error?: Error): void => (error ? reject(error) : resolve(asked.map((of) => ({ of }))));
      sent.push({ asked, end });
      // A pool that has a connection free writes to it so late.
      process.nextTick(() => written.push(asked));
    });
  const calls = new GroupCalls(statement, query, { apart: () => options.apart ?? true, callsMax: options.callsMax });
  return { calls, sent, written };
}

const turn = () => new Promise(setImmediate);

describe('GroupCalls', () => {
  it('sends the calls of one turn together, and gives each its own answer', async () => {
    const { calls, sent } = underTest();
    const answers = [3, 1, 2].map((each) => calls.call(each));
    await turn();
    expect(sent.map(({ asked }) => asked)).toEqual([[3, 1, 2]]);
    sent[0]?.end();
    expect(await Promise.all(answers)).toEqual([{ of: 3 }, { of: 1 }, { of: 2 }]);
  });

  it('gathers what comes while a statement is under way, and sends it when that is back', async () => {
    const { calls, sent } = underTest();
    const first = calls.call(1);
    await turn();
    const later = [calls.call(2), calls.call(3)];
    await turn();
    expect(sent).toHaveLength(1);
    sent[0]?.end();
    await first;
    await turn();
    await turn();
    expect(sent.map(({ asked }) => asked)).toEqual([[1], [2, 3]]);
    sent[1]?.end();
    expect(await Promise.all(later)).toEqual([{ of: 2 }, { of: 3 }]);
  });

  it('is under way again before the last answers are told, so that they are worked on meanwhile', async () => {
    const { calls, sent, written } = underTest({ callsMax: 2 });
    const story: string[] = [];
    const told = [1, 2, 3].map(async (each) => {
      await calls.call(each);
      story.push(`told ${each}, ${written.length} written`);
    });
    await turn();
    expect(sent.map(({ asked }) => asked)).toEqual([[1, 2]]);
    sent[0]?.end();
    await told[0];
    expect(story).toContain('told 1, 2 written');
    sent[1]?.end();
    await Promise.all(told);
    expect(sent.map(({ asked }) => asked)).toEqual([[1, 2], [3]]);
  });

  it('sends no more than 64 at once', async () => {
    const { calls, sent } = underTest();
    const answers = Array.from({ length: 100 }, (_, i) => calls.call(i));
    await turn();
    sent[0]?.end();
    await answers[0];
    await turn();
    await turn();
    sent[1]?.end();
    await Promise.all(answers);
    expect(sent.map(({ asked }) => asked.length)).toEqual([64, 36]);
  });

  it('asks for each alone when they failed together, so that only the one that cannot be done fails', async () => {
    const { calls, sent } = underTest();
    const answers = [1, 2].map((each) => calls.call(each));
    await turn();
    sent[0]?.end(new Error('one of you'));
    await turn();
    expect(sent.slice(1).map(({ asked }) => asked)).toEqual([[1], [2]]);
    sent[1]?.end();
    sent[2]?.end(new Error('you'));
    expect(await Promise.allSettled(answers)).toMatchObject([
      { status: 'fulfilled', value: { of: 1 } },
      { status: 'rejected', reason: { message: 'you' } },
    ]);
  });

  it('asks nobody again when the failure is no fault of theirs', async () => {
    const { calls, sent } = underTest({ apart: false });
    const answers = [1, 2].map((each) => calls.call(each));
    await turn();
    sent[0]?.end(new Error('away'));
    const results = await Promise.allSettled(answers);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await turn();
    expect(sent).toHaveLength(1);
  });
});
