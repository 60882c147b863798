import type { Fault } from '@nm/kernel/fault';
import type { Plan } from '../exchange.js';
import { viaFault } from '../via.js';
import { copyFields } from './copy-fields.js';
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

/** putRequestHead writes the head for the upstream: request line, Host of the origin, the client's fields that may pass, the policy's, and our own framing. */
export function putRequestHead<Tag>(
  out: OutBuffer,
  head: MessageHead,
  { method, upgrade }: RequestParts,
  plan: Plan<Tag>,
  { path, host }: Address,
  pseudonym: string,
): void {
  out.text(method);
  out.text(' ');
  out.text(path);
  out.text(' HTTP/1.1\r\nHost: ');
  out.text(host);
  out.text('\r\n');
  copyFields(head, plan.requestFilter, out, head.chunked);
  plan.addToRequest(out);
  out.text(head.httpMinor === 1 ? 'Via: 1.1 ' : 'Via: 1.0 ');
  out.text(pseudonym);
  if (head.chunked) out.text('\r\nTransfer-Encoding: chunked');
  else if (head.contentLength >= 0) {
    out.text('\r\nContent-Length: ');
    out.number(head.contentLength);
  }
  if (upgrade !== undefined) out.text(`\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}`);
  out.text('\r\n\r\n');
}
