import { describe, expect, it } from 'vitest';
import { requestIdOf, traceIdOf } from './request-id.js';

describe('requestIdOf', () => {
  it('keeps a harmless id of the caller', () => {
    expect(requestIdOf('build-42:step.7')).toBe('build-42:step.7');
  });

  it.each([undefined, '', 'short', 'a b c d e f g h', 'x'.repeat(101), 'evil\nheader', '<script>'])(
    'makes its own for %j',
    (header) => {
      expect(requestIdOf(header)).toMatch(/^req_[0-9a-z]{26}$/);
    },
  );
});

describe('traceIdOf', () => {
  it('reads a valid traceparent and nothing else', () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(traceIdOf(`00-${trace}-00f067aa0ba902b7-01`)).toBe(trace);
    expect(traceIdOf(`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`)).toBeUndefined();
    expect(traceIdOf(`ff-${trace}-00f067aa0ba902b7-01`)).toBeUndefined();
    expect(traceIdOf(undefined)).toBeUndefined();
  });
});
