import type { RequestHead } from '@nm/adapters/proxy';
import { randomHex } from '@nm/kernel/ids';

/** Where a request stands in a trace (W3C Trace Context). */
export interface Trace {
  readonly traceId: string;
  /** The span that sent the request; undefined when it came without one. */
  readonly parentSpanId: string | undefined;
  readonly spanId: string;
  /** `traceparent` for the app: with our span when it is recorded, else as the caller said it. */
  readonly traceparent: string;
  readonly sampled: boolean;
  /** Our span of it is exported. */
  readonly recorded: boolean;
}

/** Version 00 of W3C Trace Context; ids of zeros only are not valid. */
const form = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** traceOf keeps the caller's trace, or starts one. Must be called before the request's plan has settled. */
export function traceOf(head: RequestHead): Trace {
  const given = head.header('traceparent');
  const found = given === undefined ? undefined : form.exec(given);
  if (found) {
    const [traceparent, traceId = '', spanId = '', flags = ''] = found;
    const sampled = (Number.parseInt(flags, 16) & 1) === 1;
    return { traceId, parentSpanId: spanId, spanId, traceparent, sampled, recorded: false };
  }
  const own = { traceId: randomHex(32), spanId: randomHex(16), sampled: true };
  return { ...own, parentSpanId: undefined, traceparent: traceparentOf(own), recorded: false };
}

/** traceparentOf writes the field's value. */
export const traceparentOf = ({ traceId, spanId, sampled }: Pick<Trace, 'traceId' | 'spanId' | 'sampled'>): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
