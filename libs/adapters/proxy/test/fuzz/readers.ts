import { createRequire } from 'node:module';
import { BodyReader } from '../../net/body-reader.js';
import { badChunk } from '../../net/chunked-decoder.js';
import { MessageHead } from '../../net/message-head.js';
import { incomplete, parseRequestHead, parseResponseHead } from '../../net/parse-head.js';
import { readRequest } from '../reference/request.js';
import { readResponse } from '../reference/response.js';

/** A message as a reader understood it; names of fields in lower case, of an absolute-form target only the path. */
export interface Understood {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly minor: number;
  readonly fields: readonly string[];
  /** latin1 */
  readonly body: string;
}

/** All whole messages, in order, and why the reader stopped. */
export interface Understanding {
  readonly messages: readonly Understood[];
  readonly stop: 'refused' | 'incomplete' | 'end' | 'switched';
}

export type Kind = 'request' | 'response';
export type Reader = (bytes: Buffer, kind: Kind) => Understanding;

const pathOf = (target: string): string => {
  const absolute = /^https?:\/\/[^/?]*(.*)$/is.exec(target);
  if (!absolute) return target;
  return (absolute[1] as string).startsWith('/') ? (absolute[1] as string) : `/${absolute[1]}`;
};

const head = new MessageHead();

/** ours drives the engine's parsers over the whole input, cut at `cuts`, in the way that a connection does. */
export function ours(bytes: Buffer, kind: Kind, cuts: readonly number[] = []): Understanding {
  const messages: Understood[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = (kind === 'request' ? parseRequestHead : parseResponseHead)(bytes, at, bytes.length, head);
    if (end === incomplete) return { messages, stop: 'incomplete' };
    if (end < 0) return { messages, stop: 'refused' };
    const read = understoodHead(kind);
    const switched = kind === 'request' ? head.switches && head.upgrade >= 0 : head.status === 101;
    const reader = new BodyReader();
    const bodiless = kind === 'response' && (head.status < 200 || head.status === 204 || head.status === 304);
    if (bodiless) reader.none();
    else if (head.chunked) reader.chunked();
    else if (head.contentLength >= 0) reader.length(head.contentLength);
    else if (kind === 'response') reader.untilClose();
    else reader.none();
    const closeDelimited = reader.framing === 'close';
    const last = head.close || (head.httpMinor === 0 && !head.keepAlive);
    const content = feedBody(reader, bytes, end, cuts);
    if (content === undefined) return { messages, stop: 'refused' };
    if (!reader.done && !closeDelimited) return { messages, stop: 'incomplete' };
    messages.push({ ...read, body: content.body });
    if (switched) return { messages, stop: 'switched' };
    if (last) return { messages, stop: 'end' };
    at = content.end;
  }
  return { messages, stop: 'end' };
}

function understoodHead(kind: Kind): Omit<Understood, 'body'> {
  const fields: string[] = [];
  for (let i = 0; i < head.count; i++)
    fields.push(`${head.text(head.nameStart(i), head.nameEnd(i)).toLowerCase()}: ${head.value(i)}`);
  const target = head.text(head.targetStart, head.targetEnd);
  const request = kind === 'request';
  return {
    method: request ? head.text(head.methodStart, head.methodEnd) : '',
    target: request ? (target === '' || target.startsWith('?') ? `/${target}` : target) : '',
    status: request ? 0 : head.status,
    minor: head.httpMinor,
    fields,
  };
}

/** The decoder moves data inside its buffer, so it gets copies. */
function feedBody(
  reader: BodyReader,
  bytes: Buffer,
  from: number,
  cuts: readonly number[],
): { body: string; end: number } | undefined {
  let body = '';
  let at = from;
  for (const edge of [...cuts.filter((cut) => cut > from), bytes.length]) {
    if (reader.done) break;
    const piece = Buffer.from(bytes.subarray(at, edge));
    const end = reader.feed(piece, 0, piece.length);
    if (end === badChunk) return undefined;
    body += piece.toString('latin1', reader.dataStart, reader.dataEnd);
    at += end;
    if (end < piece.length) break;
  }
  return { body, end: at };
}

/** reference drives the slow parser. */
export const reference: Reader = (bytes, kind) => {
  const messages: Understood[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const read = kind === 'request' ? readRequest(rest) : readResponse(rest, { method: 'GET', ended: true });
    if (read.verdict !== 'accept') return { messages, stop: read.verdict === 'refuse' ? 'refused' : 'incomplete' };
    const { message } = read;
    messages.push({
      method: 'method' in message ? message.method : '',
      target: 'target' in message ? pathOf(message.target) : '',
      status: 'status' in message ? message.status : 0,
      minor: message.version === '1.1' ? 1 : 0,
      fields: message.fields.map(({ name, value }) => `${name.toLowerCase()}: ${value}`),
      body: message.body.toString('latin1'),
    });
    const switched = 'status' in message ? message.status === 101 : message.upgrade !== undefined;
    if (switched) return { messages, stop: 'switched' };
    rest = read.rest;
  }
  return { messages, stop: 'end' };
};

interface LlhttpParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  finish(): number | Error | undefined;
  [callback: number]: unknown;
}
interface LlhttpModule {
  readonly HTTPParser: {
    new (): LlhttpParser;
    readonly REQUEST: number;
    readonly RESPONSE: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods: readonly string[];
}

/** Node's own parser, the one inside node:http. */
export const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as LlhttpModule;

/** llhttp drives Node's parser, strict as node:http starts it. */
export const llhttp: Reader = (bytes, kind) => {
  const parser = new HTTPParser();
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  const messages: Understood[] = [];
  let current: { -readonly [K in keyof Understood]: Understood[K] } | undefined;
  let early: string[] = [];
  let earlyTarget = '';
  let switched = false;
  const pairs = (raw: readonly string[]): string[] => {
    const lines: string[] = [];
    for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]?.toLowerCase()}: ${raw[i + 1]}`);
    return lines;
  };
  parser[HTTPParser.kOnHeaders] = (raw: string[], url: string) => {
    // Trailers come the same way, after the body; and the whole head of the message behind them.
    if (current) return;
    early = [...early, ...pairs(raw)];
    earlyTarget += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    raw: string[] | undefined,
    method: number | undefined,
    url: string | undefined,
    status: number | undefined,
    _reason: string,
    upgrade: boolean,
  ) => {
    current = {
      method: method === undefined ? '' : (methods[method] ?? ''),
      target: kind === 'request' ? pathOf(earlyTarget + (url ?? '')) : '',
      status: kind === 'request' ? 0 : (status ?? 0),
      minor,
      fields: [...early, ...pairs(raw ?? [])],
      body: '',
    };
    early = [];
    earlyTarget = '';
    switched = upgrade;
    return upgrade ? 2 : 0;
  };
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    if (current) current.body += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (current) messages.push(current);
    current = undefined;
  };
  const result = parser.execute(Buffer.from(bytes));
  if (result instanceof Error) return { messages, stop: 'refused' };
  if (switched) return { messages, stop: 'switched' };
  const last = parser.finish();
  if (last instanceof Error) return { messages, stop: 'incomplete' };
  return { messages, stop: current ? 'incomplete' : 'end' };
};
