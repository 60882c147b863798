import type { Fault } from '@nm/kernel/fault';
import type { Plan } from '../exchange.js';
import { viaFault } from '../via.js';
import { copyFields } from './copy-fields.js';
import type { KnownHead } from './known-head.js';
import { fieldKinds, type MessageHead } from './message-head.js';
import type { OutBuffer } from './out-buffer.js';

/** loopFault is set when a request passed us before, or too many others. @param pseudonym our name in `Via` */
export function loopFault(head: MessageHead, pseudonym: string): Fault | undefined {
  for (let i = 0; i < head.count; i++)
    if (head.kinds[i] === fieldKinds.via) return viaFault(head.field('via') ?? '', pseudonym);
  return undefined;
}

/** Where a request goes. */
interface Address {
  /** Raw request target. */
  readonly path: string;
  /** Of the origin, as `Host` says it. */
  readonly host: string;
}

export interface RequestParts {
  readonly method: string;
  readonly upgrade: string | undefined;
}

/**
 * putRequestHead writes the head for the upstream: request line, Host of the origin, the client's fields that may pass, the policy's, and our own framing.
 * @returns where the part ends that is the same for all requests with this head and plan
 */
export function putRequestHead<Tag>(
  out: OutBuffer,
  head: MessageHead,
  { method, upgrade }: RequestParts,
  plan: Plan<Tag>,
  { path, host }: Address,
  pseudonym: string,
): number {
  out.text(method);
  out.text(' ');
  out.text(path);
  out.text(' HTTP/1.1\r\nHost: ');
  out.text(host);
  out.text('\r\n');
  copyFields(head, plan.requestFilter, out, head.chunked);
  putVia(out, head.httpMinor, pseudonym);
  if (head.chunked) out.text('Transfer-Encoding: chunked\r\n');
  else if (head.contentLength >= 0) {
    out.text('Content-Length: ');
    out.number(head.contentLength);
    out.text('\r\n');
  }
  if (upgrade !== undefined) out.text(`Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`);
  if (plan.requestFields) out.prepared(plan.requestFields);
  const shared = out.length;
  plan.addToRequest(out);
  out.text('\r\n');
  return shared;
}

/** putKnownHead writes it for a head and a plan that are known. @returns false when the plan is another */
export function putKnownHead<Tag>(out: OutBuffer, known: KnownHead<Tag>, plan: Plan<Tag>): boolean {
  if (known.target !== plan.target || known.fields !== plan.requestFields) return false;
  out.prepared(known.beginning);
  plan.addToRequest(out);
  out.prepared(lineEnd);
  return true;
}

const lineEnd = Buffer.from('\r\n');

function putVia(out: OutBuffer, httpMinor: 0 | 1, pseudonym: string): void {
  out.text(httpMinor === 1 ? 'Via: 1.1 ' : 'Via: 1.0 ');
  out.text(pseudonym);
  out.text('\r\n');
}
