import { newId } from '@nm/kernel/ids';

/** A caller's own id is kept when it is harmless in a log line and a header. */
const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._:-]{7,99}$/;

/** requestIdOf takes the caller's `X-Request-Id`, or makes one. */
export const requestIdOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && wellFormed.test(header) ? header : newId('request');

/** Version 00 of W3C Trace Context; all-zero ids are invalid there. */
const traceForm = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** traceIdOf reads the trace id of a `traceparent` header, for log lines; undefined when there is no valid one. */
export const traceIdOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? traceForm.exec(header)?.[1] : undefined;
