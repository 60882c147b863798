import { describe, expect, it } from 'vitest';
import { codes } from './codes.js';
import { Fault, toFault } from './fault.js';
import { toProblem } from './problem.js';

describe('toProblem', () => {
  it('prints code, title and public sentence, also under the names that KAMA clients read', () => {
    const problem = toProblem(new Fault('licence_expired', { internal: 'row lic_1' }), 'req_1');
    expect(problem).toMatchObject({
      status: 403,
      code: 'licence_expired',
      error: 'Licence expired',
      request_id: 'req_1',
    });
    expect(problem.reason).toBe(problem.detail);
    expect(JSON.stringify(problem)).not.toContain('lic_1');
  });

  it('tells a client nothing of an unexpected error', () => {
    const problem = toProblem(toFault(new Error('password=hunter2 at 10.0.0.1')));
    expect(problem.code).toBe('internal');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('never lets extra members overwrite the standard ones', () => {
    expect(toProblem(new Fault('not_found', { extra: { status: 200, code: 'x', missing: ['a'] } }))).toMatchObject({
      status: 404,
      code: 'not_found',
      missing: ['a'],
    });
  });

  it('has a sentence that ends and a client or server status for every code', () => {
    for (const [code, entry] of Object.entries(codes)) {
      expect(entry.message, code).toMatch(/\.$/);
      expect(entry.status, code).toBeGreaterThanOrEqual(400);
    }
  });
});
