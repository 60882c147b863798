import { isFault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { translateDbError } from './db-errors.js';

const codeOf = (error: unknown): unknown => {
  const translated = translateDbError(error);
  return isFault(translated) ? translated.code : translated;
};

describe('translateDbError', () => {
  it.each([
    new Error('timeout exceeded when trying to connect'),
    new Error('Connection terminated due to connection timeout'),
    new Error('Connection terminated unexpectedly'),
    new Error('Client has encountered a connection error and is not queryable'),
    Object.assign(new Error('PostgreSQL has not answered for 12000 ms'), { code: 'ETIMEDOUT' }),
  ])('takes "$message" for a store that is away', (error) => {
    expect(codeOf(error)).toBe('store_unavailable');
  });

  it('leaves faults of ours as they are', () => {
    const error = new TypeError('x is not a function');
    expect(codeOf(error)).toBe(error);
  });
});
