import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { OutBuffer } from './out-buffer.js';

/** A peer that takes all at once, and tells what it got in which order. */
class Peer extends Writable {
  constructor(
    readonly name: string,
    readonly got: string[],
  ) {
    super();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    this.got.push(`${this.name}:${bytes.toString('latin1')}`);
    done();
  }
}

function peers(): { readonly a: Peer; readonly b: Peer; readonly got: string[] } {
  const got: string[] = [];
  return { a: new Peer('a', got), b: new Peer('b', got), got };
}

const send = (out: OutBuffer, text: string, to: Writable): void => {
  out.text(text);
  out.sendTo(to);
};

describe('messages that are sent together', () => {
  test('leave at the end of the turn, each to its own socket, in order', async () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    send(out, 'one', a);
    send(out, 'two', b);
    send(out, 'three', a);
    expect(got).toEqual([]);
    await nextTurn();
    expect(got).toEqual(['a:one', 'b:two', 'a:three']);
    send(out, 'four', b);
    await nextTurn();
    expect(got.at(-1)).toBe('b:four');
  });

  test('go before what is sent at once', () => {
    const { a, got } = peers();
    const out = new OutBuffer();
    send(out, 'first', a);
    out.text('second');
    expect(out.writeTo(a)).toBe(true);
    expect(got).toEqual(['a:first', 'a:second']);
  });

  test('go on request, without what is just being put together', () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    send(out, 'done', a);
    out.text('half of a ');
    out.flush();
    expect(got).toEqual(['a:done']);
    out.text('message');
    out.writeTo(b);
    expect(got).toEqual(['a:done', 'b:half of a message']);
  });

  test('stay when what is being put together is dropped', () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    send(out, 'stays', a);
    out.text('goes');
    out.drop();
    send(out, 'next', b);
    out.flush();
    expect(got).toEqual(['a:stays', 'b:next']);
  });

  test('are not written to a socket that was destroyed meanwhile', () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    const errors: unknown[] = [];
    a.on('error', (error) => errors.push(error));
    send(out, 'lost', a);
    send(out, 'kept', b);
    a.destroy();
    out.flush();
    expect(got).toEqual(['b:kept']);
    expect(errors).toEqual([]);
  });

  test('are at most 64, and each at most 16 KiB', () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    for (let i = 0; i < 63; i++) send(out, 'x', a);
    expect(got).toHaveLength(0);
    send(out, 'x', a);
    expect(got).toHaveLength(64);
    send(out, 'small', a);
    send(out, 'y'.repeat(16 * 1024 + 1), b);
    expect(got.slice(64).map((line) => line.length)).toEqual([7, 2 + 16 * 1024 + 1]);
  });

  test('keep their bytes when the kernel does not take them', async () => {
    const slow = new PassThrough({ highWaterMark: 4 });
    const { a } = peers();
    const out = new OutBuffer();
    send(out, 'slowly read', slow);
    send(out, 'quickly read', a);
    out.text('next');
    out.flush();
    out.text(' is longer than both were');
    out.writeTo(a);
    expect(slow.read()?.toString()).toBe('slowly read');
  });

  test('keep their bytes when the buffer has to grow', () => {
    const { a, b, got } = peers();
    const out = new OutBuffer();
    send(out, 'early', a);
    out.text('z'.repeat(200 * 1024));
    out.writeTo(b);
    expect(got[0]).toBe('a:early');
    expect(got[1]).toHaveLength(2 + 200 * 1024);
  });
});
