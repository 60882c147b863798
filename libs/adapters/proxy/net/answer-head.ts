import { STATUS_CODES } from 'node:http';
import type { Clock } from '@nm/kernel/time';
import type { Answer, FieldFilter, FieldLines, Plan } from '../exchange.js';
import { space } from './bytes.js';
import { copyFields } from './copy-fields.js';
import { fieldKinds, type MessageHead } from './message-head.js';
import type { OutBuffer } from './out-buffer.js';

/** How the content of an answer goes to the client. */
export type AnswerFraming = 'none' | 'length' | 'chunked' | 'close';

export interface AnswerConnection {
  readonly httpMinor: 0 | 1;
  /** The connection ends with this answer. */
  readonly close: boolean;
}

const statusLines: string[] = [];
for (const [status, reason] of Object.entries(STATUS_CODES))
  statusLines[Number(status)] = `HTTP/1.1 ${status} ${reason}\r\n`;

/** statusLine has the registered reason, or an empty one. */
const statusLine = (status: number): string => statusLines[status] ?? `HTTP/1.1 ${status} \r\n`;

let dateSecond = -1;
let dateLine = Buffer.alloc(0);

/** dateField gives `Date` (RFC 9110 §6.6.1), made once a second. */
export function dateField(epochMs: number): Buffer {
  const second = Math.floor(epochMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = Buffer.from(`Date: ${new Date(epochMs).toUTCString()}\r\n`);
  }
  return dateLine;
}

const chunkedLine = Buffer.from('Transfer-Encoding: chunked\r\n');
const lengthName = Buffer.from('Content-Length: ');
const lineEnd = Buffer.from('\r\n');

function connectionLine({ httpMinor, close }: AnswerConnection): string {
  if (close) return 'Connection: close\r\n';
  return httpMinor === 0 ? 'Connection: keep-alive\r\n' : '';
}

/** putAnswerHead writes the head of a forwarded answer: the upstream's fields that may pass, the policy's, and our own framing. */
export function putAnswerHead<Tag>(
  out: OutBuffer,
  head: MessageHead,
  plan: Pick<Plan<Tag>, 'answerFilter' | 'addToAnswer'>,
  framing: AnswerFraming,
  connection: AnswerConnection,
  clock: Pick<Clock, 'nowMs'>,
): void {
  putStatusLine(out, head);
  copyFields(head, plan.answerFilter, out, framing === 'chunked');
  plan.addToAnswer(out);
  if (!hasDate(head)) out.prepared(dateField(clock.nowMs()));
  if (framing === 'chunked') out.prepared(chunkedLine);
  // Of an answer without content this is what the content would have been (HEAD, 304); 204 has none (RFC 9110 §8.6).
  else if (head.contentLength >= 0 && head.status !== 204) {
    out.prepared(lengthName);
    out.number(head.contentLength);
    out.prepared(lineEnd);
  }
  out.text(connectionLine(connection));
  out.prepared(lineEnd);
}

/** putInterimHead writes the head of a 1xx answer, which says nothing of content. @param added more field lines */
export function putInterimHead(out: OutBuffer, head: MessageHead, filter: FieldFilter, added: FieldLines): void {
  putStatusLine(out, head);
  copyFields(head, filter, out, false);
  out.text(`${added}\r\n`);
}

function putStatusLine(out: OutBuffer, head: MessageHead): void {
  const { bytes, httpMinor, start, reasonStart, reasonEnd } = head;
  // Written canonically already: as it stands, with its line end.
  if (httpMinor === 1 && bytes[reasonStart - 1] === space) out.copy(bytes, start, reasonEnd + 2);
  else {
    out.text(`HTTP/1.1 ${head.status} `);
    out.copy(bytes, reasonStart, reasonEnd);
    out.text('\r\n');
  }
}

function hasDate(head: MessageHead): boolean {
  for (let i = 0; i < head.count; i++) if (head.kinds[i] === fieldKinds.date) return true;
  return false;
}

/** putAnswer writes a whole answer of the policy's own. */
export function putAnswer(
  out: OutBuffer,
  answer: Answer,
  connection: AnswerConnection,
  isHead: boolean,
  epochMs: number,
): void {
  const { status, fields, body } = answer;
  out.text(
    `${statusLine(status)}${fields}${dateField(epochMs).toString('latin1')}Content-Length: ${body.length}\r\n${connectionLine(connection)}\r\n`,
  );
  if (!isHead) out.copy(body, 0, body.length);
}
