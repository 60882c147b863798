import type { Fault } from '@nm/kernel/fault';
import type { Plan, Target } from '../exchange.js';
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
  target: Target,
  pseudonym: string,
): void {
  out.text(`${method} ${target.path} HTTP/1.1\r\nHost: ${target.origin.slice(target.origin.indexOf('//') + 2)}\r\n`);
  copyFields(head, plan.requestFilter, out, head.chunked);
  const { preparedForRequest: prepared } = plan;
  if (prepared) out.copy(prepared, 0, prepared.length);
  let more = `${plan.addToRequest}Via: 1.${head.httpMinor} ${pseudonym}\r\n`;
  if (head.chunked) more += 'Transfer-Encoding: chunked\r\n';
  else if (head.contentLength >= 0) more += `Content-Length: ${head.contentLength}\r\n`;
  if (upgrade !== undefined) more += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  out.text(`${more}\r\n`);
}
