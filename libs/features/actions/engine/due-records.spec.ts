import { expect, it } from 'vitest';
import { DueRecords } from './due-records.js';

const line = (text: string) => ({ kind: 'log' as const, data: { step: 0, line: text } });

it('DueRecords keeps what could not be written before what has come since, each step once, its characters counted once', () => {
  const due = new DueRecords();
  const startedAt = new Date(0);
  due.step({ position: 0, status: 'running', attempt: 1, startedAt });
  due.log([line('one')], new Map([[0, 3]]));
  const failed = due.take();
  expect(due.isEmpty).toBe(true);
  due.log([line('later')], new Map([[0, 5]]));
  due.step({ position: 0, status: 'positive', output: { a: 1 } });
  due.step({ position: 1, status: 'running', attempt: 1 });
  due.putBack(failed);
  expect(due.steps).toEqual([
    { position: 0, status: 'positive', attempt: 1, startedAt, chars: 8, output: { a: 1 } },
    { position: 1, status: 'running', attempt: 1 },
  ]);
  expect(due.entries).toEqual([line('one'), line('later')]);
  expect(due.chars).toBe(8);
});
