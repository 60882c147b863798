import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { faultOf } from './fault-of.js';

const framework = (code: string, statusCode: number) => Object.assign(new Error(code), { code, statusCode });

describe('faultOf', () => {
  it('leaves our own faults alone', () => {
    const fault = new Fault('last_owner');
    expect(faultOf(fault)).toBe(fault);
  });

  it.each([
    [new NotFoundException(), 'not_found'],
    [new BadRequestException(), 'bad_request'],
    [new HttpException('too large', 413), 'body_too_large'],
    [new HttpException('x', 400, { cause: framework('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400) }), 'bad_request'],
    [new HttpException('x', 418), 'bad_request'],
    [new HttpException('x', 502), 'internal'],
    [framework('FST_ERR_BAD_URL', 400), 'invalid_path'],
    [framework('toString', 400), 'internal'],
    [new TypeError('x is not a function'), 'internal'],
    ['a thrown string', 'internal'],
    [undefined, 'internal'],
  ])('%s → %s', (error, code) => {
    expect(faultOf(error).code).toBe(code);
  });

  it('tells the client nothing of an error that it did not expect', () => {
    const fault = faultOf(new Error('password of db is hunter2'));
    expect(fault.publicMessage).not.toContain('hunter2');
    expect(fault.message).toContain('hunter2');
  });
});
