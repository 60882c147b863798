import type { EngineKind } from '../../engine.js';
import type { Exchange, Expected } from './exchange-row.js';

type Weakness = Partial<Expected> & {
  readonly why: string;
  /** What comes of it depends on how the bytes are cut: shown uncut only. */
  readonly uncut?: true;
};

const llhttpLenient = 'llhttp skips it, and what goes on is well formed';
const noTrailers = 'undici sends and gives no trailers';
const noInterim = 'undici gives no interim answers';
const parserFirst =
  "node:http's parser runs ahead of the answers: its error is answered first, and the connection ends";
const undiciLenient = 'undici believes it, and what goes on is well formed';

/** What node:http and undici do otherwise than the tables ask, and why that is borne. No row of requests forwards bytes that two readers could read differently; undici does believe some answers that a strict reader refuses. */
const nodeHttp: Readonly<Record<string, Weakness>> = {
  'request line: a method of an extension': {
    why: 'llhttp knows a fixed list of methods',
    sees: [],
    gets: [400],
    ends: 'closed',
  },
  'request line: a bare LF first': {
    why: llhttpLenient,
    sees: ['GET /a HTTP/1.1'],
    gets: ['200 OK | 2:ok'],
    ends: 'open',
  },
  'request line: CONNECT': { why: 'node:http closes at once when nobody listens for CONNECT', gets: [] },
  'request line: two spaces after the method': {
    why: llhttpLenient,
    sees: ['GET /a HTTP/1.1'],
    gets: ['200 OK | 2:ok'],
    ends: 'open',
  },
  'request line: two spaces before the version': {
    why: llhttpLenient,
    sees: ['GET /a HTTP/1.1'],
    gets: ['200 OK | 2:ok'],
    ends: 'open',
  },
  'connection: nothing is read behind close': { why: parserFirst, uncut: true, gets: [400] },
  'connection: nothing is read behind HTTP/1.0': { why: parserFirst, uncut: true, gets: [400] },
  "framing: a whole request and then the client's FIN": {
    why: 'node:http takes the FIN of a client for its leaving',
    gets: [],
  },
  'chunked: a size of 2^53': { why: 'llhttp counts to 2^64, and waits for that much', gets: [], ends: 'waits' },
  'connection: HTTP/1.0 with keep-alive and close ends': { why: 'node:http lets keep-alive win', ends: 'open' },
  'pipelining: a request and the start of the next': { why: parserFirst, uncut: true, gets: [400] },
  'upgrades: the upstream may decline': {
    why: 'the connection was handed over: a refusal goes without its body, and closes',
    gets: ['403 Forbidden | 0:'],
    ends: 'closed',
  },
  'interim answers: Expect without a body asks for nothing': {
    why: 'node:http closes after an Expect that it did not answer',
    ends: 'closed',
  },
  'interim answers: Expect on HTTP/1.0 is ignored': {
    why: 'node:http knows no version here',
    gets: ['100 Continue', '200 OK | 2:ok'],
  },
  'interim answers: 103 Early Hints passes': { why: noInterim, gets: ['200 OK | 2:ok'] },
  'interim answers: several interim answers': { why: noInterim, gets: ['200 OK | 2:ok'] },
  'interim answers: a 100 that nobody asked for stays here': { why: 'undici takes it for an error', gets: [502] },
  'trailers: trailers of a request': { why: noTrailers, sees: ['POST /a HTTP/1.1 | chunked:hi'] },
  'trailers: trailers of an answer': { why: noTrailers, gets: ['200 OK | chunked:hi'] },
  'trailers: Host in trailers does not pass': {
    why: 'trailers are dropped unread',
    sees: ['POST /a HTTP/1.1 | chunked:hi'],
    gets: ['200 OK | 2:ok'],
    ends: 'open',
  },
  'limits: a method of 10 KiB': { why: 'llhttp knows a fixed list of methods', gets: [400] },
  'answers: NUL in the reason': {
    why: 'cut before the NUL, undici loses it with the beginning of the reason',
    uncut: true,
  },
  'answers: Transfer-Encoding: gzip': {
    why: 'undici knows no transfer coding but the last chunked',
    gets: ['200 OK | any:ok'],
  },
  'answers: Transfer-Encoding: gzip, chunked': {
    why: 'undici knows no transfer coding but the last chunked',
    gets: ['200 OK | chunked:ok'],
  },
  'answers: HTTP/2.0': { why: undiciLenient, gets: ['200 OK | 0:'] },
  'answers: Transfer-Encoding on HTTP/1.0': { why: undiciLenient, gets: ['200 OK | chunked:ok'] },
  'limits: a request line of 80 KiB': { why: 'node:http has one bound for the whole head', gets: [431] },
  'limits: trailers of 80 KiB': { why: 'node:http has one bound for heads and trailers', gets: [431] },
};

const finIsLeaving = 'a client that ends its side has left: an upstream must not go on working for it';

/** What the engine on node:net does otherwise. */
const net: Readonly<Record<string, Weakness>> = {
  "framing: a whole request and then the client's FIN": { why: finIsLeaving, gets: [] },
  'pipelining: a request and the start of the next': { why: finIsLeaving, uncut: true, gets: [] },
};

const weaknesses: Readonly<Partial<Record<EngineKind, Readonly<Record<string, Weakness>>>>> = {
  net,
  'net-events': net,
  'node-http': nodeHttp,
};

/** namesOf gives the rows on which an engine is weak. */
export const weakRowsOf = (kind: EngineKind): string[] => Object.keys(weaknesses[kind] ?? {});

/** mayCut tells whether the row holds wherever it is cut. */
export const mayCut = (theme: string, row: Exchange, kind: EngineKind): boolean =>
  !weaknesses[kind]?.[`${theme}: ${row.name}`]?.uncut;

/** expectedOf is a row as this engine fulfils it. */
export function expectedOf(theme: string, row: Exchange, kind: EngineKind): Expected {
  const weak = weaknesses[kind]?.[`${theme}: ${row.name}`];
  return { sees: weak?.sees ?? row.sees, gets: weak?.gets ?? row.gets, ends: weak?.ends ?? row.ends };
}

/**
 * asKnown forgives what holds for every row of an engine. undici gives a reason phrase that came in pieces without its beginning, and node:http
 * serves pipelined requests at the same time, each on a connection of its own to the upstream.
 */
export function asKnown(met: Expected, kind: EngineKind): Expected {
  if (kind !== 'node-http') return met;
  const withoutReason = (line: string | number): string | number =>
    typeof line === 'string' ? line.replace(/^((?:cut HTTP\/1\.1 )?\d{3})[^|]*/, '$1 ') : line;
  return { sees: [...met.sees].sort(), gets: met.gets.map(withoutReason), ends: met.ends };
}
