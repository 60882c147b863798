import type { RequestHead } from '@nm/adapters/proxy';
import type { SpanNote } from '@nm/adapters/telemetry';
import { Fault } from '@nm/kernel/fault';
import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { openContext } from './request-context.js';
import { RequestSpans } from './request-spans.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';
const headOf = (fields: Record<string, string>, method = 'GET', target = '/kama/a/b/c?d=e'): RequestHead => ({
  method,
  target,
  httpMinor: 1,
  remoteAddress: '127.0.0.1',
  scheme: 'http',
  upgrade: undefined,
  header: (name) => fields[name],
  leaves: () => new AbortController().signal,
});
const outcome = { status: 200, clientGone: false, bytesIn: 1, bytesOut: 2 };

describe('RequestSpans', () => {
  const open = (sample: number) => {
    const clock = new FakeClock();
    const notes: SpanNote[] = [];
    const spans = new RequestSpans(
      { record: (note) => void notes.push(note), close: async () => undefined },
      clock,
      sample,
    );
    const run = (fields: Record<string, string>, end: object = {}, head = headOf(fields)) => {
      const context = openContext(clock, head);
      context.trace = spans.begin(head);
      spans.end(context, { ...outcome, ...end });
      return context.trace;
    };
    return { clock, notes, run };
  };

  it('records what the caller records, and the part of the rest that it is told to', () => {
    const none = open(0);
    const kept = none.run({ traceparent: `00-${traceId}-${parent}-01` });
    expect([kept.traceId, kept.parentSpanId, none.notes.length]).toEqual([traceId, parent, 1]);
    expect(kept.traceparent).toBe(`00-${traceId}-${kept.spanId}-01`);
    expect(kept.spanId).not.toBe(parent);
    for (const text of [`00-${traceId}-${parent}-00`, `00-${traceId}-${parent}-02`])
      expect(none.run({ traceparent: text }).traceparent).toBe(text);
    expect(none.run({}).traceparent).toMatch(/-00$/);
    for (const text of [
      '',
      `00-${'0'.repeat(32)}-${parent}-01`,
      `00-${traceId}-${'0'.repeat(16)}-01`,
      `01-${traceId}-${parent}-01`,
    ])
      expect(none.run({ traceparent: text })).toMatchObject({ parentSpanId: undefined, recorded: false });
    expect(none.notes.length).toBe(1);
    const all = open(1);
    expect(all.run({}).traceparent).toMatch(/-01$/);
    expect(all.notes[0]).toMatchObject({ parentSpanId: undefined, name: 'GET /kama' });
  });

  it('records 200 a second at most, and passes the trace on for the rest', async () => {
    const { clock, notes, run } = open(1);
    const given = { traceparent: `00-${traceId}-${parent}-01` };
    for (let i = 0; i < 250; i++) run(given);
    expect(notes.length).toBe(200);
    expect(run(given).traceparent).toBe(given.traceparent);
    await clock.advance(1_000);
    expect(run(given).recorded).toBe(true);
  });

  it('bounds what it tells: no query, no made-up method, a fault of ours as an error', () => {
    const { notes, run } = open(1);
    const long = headOf({}, 'BREW', `/kama/a/b/${'x'.repeat(900)}?secret=1`);
    run({}, { status: 502, fault: new Fault('upstream_reset') }, long);
    run({}, { status: 403, fault: new Fault('licence_expired') });
    run({}, { status: 0, clientGone: true });
    const [bad, refused, left] = notes as [SpanNote, SpanNote, SpanNote];
    expect(bad).toMatchObject({ name: '_OTHER /kama', error: 'upstream_reset' });
    expect(String(bad.attributes['url.path'])).toHaveLength(200);
    expect(JSON.stringify(bad)).not.toContain('secret');
    expect([refused.error, refused.attributes['error.type']]).toEqual([undefined, 'licence_expired']);
    expect(left.attributes['http.response.status_code']).toBe(499);
  });
});
