import { describe, expect, it, vi } from 'vitest';
import type { FieldFilter, FieldSink, Plan } from '../exchange.js';
import { dateField, putAnswer, putAnswerHead, putInterimHead } from './answer-head.js';
import { copyFields } from './copy-fields.js';
import { classify } from './field-kinds.js';
import type { KnownHead } from './known-head.js';
import { fieldKinds, MessageHead } from './message-head.js';
import { OutBuffer } from './out-buffer.js';
import { parseRequestHead, parseResponseHead } from './parse-head.js';
import { loopFault, putKnownHead, putRequestHead } from './request-line.js';
import { passingTrailers } from './trailers.js';

const none: FieldFilter = { names: [], prefixes: [] };
const written = (out: OutBuffer): string => out.bytes.toString('latin1', 0, out.length);
function requestOf(fields: string, line = 'GET / HTTP/1.1', before = ''): MessageHead {
  const head = new MessageHead();
  const bytes = Buffer.from(`${before}${line}\r\nHost: x\r\n${fields}\r\n`, 'latin1');
  expect(parseRequestHead(bytes, before.length, bytes.length, head)).toBe(bytes.length);
  return head;
}
function answerOf(fields: string, line = 'HTTP/1.1 200 OK'): MessageHead {
  const head = new MessageHead();
  const bytes = Buffer.from(`${line}\r\n${fields}\r\n`, 'latin1');
  expect(parseResponseHead(bytes, 0, bytes.length, head)).toBe(bytes.length);
  return head;
}
function copied(fields: string, filter = none, keepTrailer = false): string {
  const out = new OutBuffer();
  copyFields(requestOf(fields), filter, out, keepTrailer);
  return written(out);
}

describe('copyFields', () => {
  it('passes fields on in their order, each in the canonical form', () => {
    expect(copied('A: 1\r\nB: 2\r\nC: 3\r\n')).toBe('A: 1\r\nB: 2\r\nC: 3\r\n');
    expect(copied('A: 1\r\nB:2\r\nC:  3\r\nD: 4\r\n')).toBe('A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n');
    expect(copied('A:\t1\r\nB: 2 \r\nC: 3\t\r\nD:\r\nE: \r\nF: \xe9 x\r\n')).toBe(
      'A: 1\r\nB: 2\r\nC: 3\r\nD: \r\nE: \r\nF: \xe9 x\r\n',
    );
    expect(copied('')).toBe('');
    const out = new OutBuffer();
    copyFields(requestOf('A: 1\r\nB:2\r\n', 'GET / HTTP/1.1', 'junk\r\n'), none, out, false);
    expect(written(out)).toBe('A: 1\r\nB: 2\r\n');
  });

  it('copies lines that stand next to each other in the canonical form at once', () => {
    const copies = (fields: string, filter = none) => {
      const out = new OutBuffer();
      const copy = vi.spyOn(out, 'copy');
      copyFields(requestOf(fields), { names: ['host', ...filter.names], prefixes: filter.prefixes }, out, false);
      return copy.mock.calls.map(([bytes, from, to]) => bytes.toString('latin1', from, to));
    };
    expect(copies('A: 1\r\nB: 2\r\nC: 3\r\n')).toEqual(['A: 1\r\nB: 2\r\nC: 3\r\n']);
    expect(copies('A: 1\r\nTE: x\r\nB: 2\r\nC: 3\r\n')).toEqual(['A: 1\r\n', 'B: 2\r\nC: 3\r\n']);
    expect(copies('A: 1\r\nB:2\r\nC: 3\r\n')).toEqual(['A: 1\r\n', 'B', '2', 'C: 3\r\n']);
    expect(copies('A: 1\r\nB: 2 \r\nC:\t3\r\n')).toEqual(['A: 1\r\n', 'B', '2', 'C', '3']);
  });

  it('passes no field of the hop, of the framing, or that Connection names', () => {
    expect(
      copied(
        'A: 1\r\nTE: trailers\r\nKeep-Alive: x\r\nProxy-Connection: x\r\nProxy-Authenticate: x\r\nProxy-Authorization: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nB: 2\r\n',
      ),
    ).toBe('A: 1\r\nB: 2\r\n');
    expect(
      copied('Transfer-Encoding: chunked\r\nUpgrade: x\r\nConnection: keep-alive\r\nVia: 1.1 a\r\nDate: now\r\n'),
    ).toBe('Via: 1.1 a\r\nDate: now\r\n');
    expect(copied('X-A: 1\r\nConnection: x-b, close, X-C\r\nX-B: 2\r\nx-c: 3\r\nX-BB: 4\r\nX-D: 5\r\n')).toBe(
      'X-A: 1\r\nX-BB: 4\r\nX-D: 5\r\n',
    );
    expect(copied('Connection: host, content-length, a\r\nA: 1\r\nB: 2\r\n')).toBe('B: 2\r\n');
  });

  it('announces trailers only when there will be some', () => {
    expect([copied('Trailer: X\r\n'), copied('Trailer: X\r\n', none, true)]).toEqual(['', 'Trailer: X\r\n']);
  });

  it('drops what the filter names, whole names and beginnings, in any case', () => {
    const filter = { names: ['cookie', 'x'], prefixes: ['nm-', 'x-forwarded-'] };
    for (let i = 0; i < 2; i++)
      expect(
        copied(
          'COOKIE: 1\r\nCookies: 2\r\nX: 3\r\nY: 4\r\nNM-A: 5\r\nnm-: 6\r\nNm: 7\r\nX-Forwarded-For: 8\r\nX-Forwarded: 9\r\nA-nm-: 10\r\n',
          filter,
        ),
      ).toBe('Cookies: 2\r\nY: 4\r\nNm: 7\r\nX-Forwarded: 9\r\nA-nm-: 10\r\n');
    expect(copied('A: 1\r\nB: 2\r\nC: 3\r\n', { names: ['b'], prefixes: [] })).toBe('A: 1\r\nC: 3\r\n');
  });
});

describe('classify', () => {
  const kindOf = (name: string): number => classify(Buffer.from(`..${name}..`), 2, 2 + name.length);

  it('knows the fields that mean something to the connection, in any case, and no others', () => {
    const known: [string, number][] = [
      ...['TE', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authenticate', 'Proxy-Authorization'].map(
        (name): [string, number] => [name, fieldKinds.hop],
      ),
      ['via', fieldKinds.via],
      ['HOST', fieldKinds.host],
      ['Date', fieldKinds.date],
      ['Expect', fieldKinds.expect],
      ['Upgrade', fieldKinds.upgrade],
      ['Trailer', fieldKinds.trailer],
      ['Connection', fieldKinds.connection],
      ['Content-Length', fieldKinds.contentLength],
      ['Transfer-Encoding', fieldKinds.transferEncoding],
    ];
    for (const [name, kind] of known)
      expect([name, kindOf(name), kindOf(name.toLowerCase())]).toEqual([name, kind, kind]);
    expect(new Set(Object.values(fieldKinds)).size).toBe(Object.keys(fieldKinds).length);
    for (const name of ['T', 'TX', 'Hos', 'Host2', 'Content-Lengths', 'X', 'Transfer-Encodinh', 'a'.repeat(40)])
      expect([name, kindOf(name)]).toEqual([name, fieldKinds.plain]);
  });
});

describe('MessageHead', () => {
  it('joins repeated fields, cookies in their own way', () => {
    const head = requestOf('Accept: a\r\nCookie: x=1\r\nACCEPT: b\r\ncookie: y=2\r\nAccepts: c\r\n');
    expect([head.field('accept'), head.field('cookie'), head.field('accepts'), head.field('gone')]).toEqual([
      'a, b',
      'x=1; y=2',
      'c',
      undefined,
    ]);
    expect([head.field('accept'), head.value(0)]).toEqual(['a, b', 'x']);
  });

  it('forgets everything for the next message', () => {
    const head = requestOf(
      'Connection: close, keep-alive, upgrade, X-A\r\nUpgrade: websocket\r\nExpect: 100-continue\r\nX-A: 1\r\n',
      'GET http://x/ HTTP/1.1',
    );
    expect([
      head.close,
      head.keepAlive,
      head.switches,
      head.upgrade,
      head.expectsContinue,
      head.nominated.length,
    ]).toEqual([true, true, true, 2, true, 2]);
    expect(head.authorityEnd).toBeGreaterThan(head.authorityStart);
    const bytes = Buffer.from('POST /b HTTP/1.1\r\nHost: y\r\nTransfer-Encoding: chunked\r\n\r\n');
    parseRequestHead(bytes, 0, bytes.length, head);
    expect(head).toMatchObject({
      close: false,
      keepAlive: false,
      switches: false,
      upgrade: -1,
      expectsContinue: false,
      chunked: true,
      contentLength: -1,
      authorityStart: 0,
      authorityEnd: 0,
      count: 2,
      httpMinor: 1,
    });
    expect(head.nominated).toEqual([]);
    const last = Buffer.from('POST /b HTTP/1.1\r\nHost: y\r\nContent-Length: 7\r\n\r\n');
    parseRequestHead(last, 0, last.length, head);
    expect([head.chunked, head.contentLength, head.host]).toEqual([false, 7, 0]);
    head.reset(last, 0);
    expect([head.contentLength, head.host, head.count]).toEqual([-1, -1, 0]);
  });
});

describe('putRequestHead', () => {
  const plan = {
    requestFilter: { names: ['host'], prefixes: [] },
    addToRequest: (sink: FieldSink) => sink.text('X-Added: 1\r\n'),
  } as unknown as Plan<string>;
  const at = { host: 'h', path: '/p?q' };
  const put = (head: MessageHead, upgrade?: string, method = 'GET', host = '10.0.0.1:8080') => {
    const out = new OutBuffer();
    putRequestHead(out, head, { method, upgrade }, plan, { host, path: '/p?q' }, 'nmachine-1');
    return written(out);
  };

  it('writes line, Host, fields and framing, one kind of it', () => {
    expect(put(requestOf('A: 1\r\n'))).toBe(
      'GET /p?q HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nA: 1\r\nVia: 1.1 nmachine-1\r\nX-Added: 1\r\n\r\n',
    );
    expect(put(requestOf('Content-Length: 0\r\n', 'POST / HTTP/1.0'), undefined, 'POST', '[::1]')).toBe(
      'POST /p?q HTTP/1.1\r\nHost: [::1]\r\nVia: 1.0 nmachine-1\r\nContent-Length: 0\r\nX-Added: 1\r\n\r\n',
    );
    expect(put(requestOf('Transfer-Encoding: chunked\r\nTrailer: X\r\n'))).toContain(
      'Trailer: X\r\nVia: 1.1 nmachine-1\r\nTransfer-Encoding: chunked\r\nX-Added: 1\r\n\r\n',
    );
    expect(put(requestOf('Connection: upgrade\r\nUpgrade: websocket\r\n'), 'websocket')).toMatch(
      /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Added: 1\r\n\r\n$/,
    );
  });

  it('writes what a plan has for all of its kind before what it has for this request, and tells where that begins', () => {
    const out = new OutBuffer();
    const shared = { ...plan, requestFields: Buffer.from('X-Shared: 1\r\n') };
    const end = putRequestHead(out, requestOf(''), { method: 'GET', upgrade: undefined }, shared, at, 'nmachine-1');
    const beginning = 'GET /p?q HTTP/1.1\r\nHost: h\r\nVia: 1.1 nmachine-1\r\nX-Shared: 1\r\n';
    expect([written(out).slice(0, end), written(out).slice(end)]).toEqual([beginning, 'X-Added: 1\r\n\r\n']);
  });

  it('writes a head that is known for the plan that it was written for, and for no other', () => {
    const target = { origin: 'http://h', path: '/p' };
    const fields = Buffer.from('X-Shared: 1\r\n');
    const known = { target, fields, beginning: Buffer.from('GET /p HTTP/1.1\r\n') } as unknown as KnownHead<string>;
    const putKnown = (more: Partial<Plan<string>>) => {
      const out = new OutBuffer();
      return [putKnownHead(out, known, { ...plan, target, requestFields: fields, ...more }), written(out)];
    };
    expect(putKnown({})).toEqual([true, 'GET /p HTTP/1.1\r\nX-Added: 1\r\n\r\n']);
    expect(putKnown({ target: { ...target } })).toEqual([false, '']);
    expect(putKnown({ requestFields: Buffer.from(fields) })).toEqual([false, '']);
  });

  it('sees loops in any of several Via fields', () => {
    expect(loopFault(requestOf('A: 1\r\n'), 'nmachine-1')).toBeUndefined();
    expect(loopFault(requestOf('Via: 1.1 a\r\nB: 2\r\nVia: 1.1 b\r\n'), 'nmachine-1')).toBeUndefined();
    expect(loopFault(requestOf('Via: 1.1 a\r\nVia: 1.1 nmachine-1\r\n'), 'nmachine-1')?.code).toBe('loop_detected');
  });
});

describe('putAnswerHead', () => {
  const at = Date.UTC(2026, 0, 31, 9, 30);
  const date = 'Date: Sat, 31 Jan 2026 09:30:00 GMT\r\n';
  type Framing = Parameters<typeof putAnswerHead>[3];
  const plan = {
    answerFilter: { names: ['x-secret'], prefixes: [] },
    addToAnswer: (sink: FieldSink) => sink.prepared(Buffer.from('X-Added: 1\r\n')),
  };
  const put = (
    head: MessageHead,
    framing: Framing,
    connection: Parameters<typeof putAnswerHead>[4] = { httpMinor: 1, close: false },
  ) => {
    const out = new OutBuffer();
    putAnswerHead(out, head, plan, framing, connection, { nowMs: () => at });
    return written(out);
  };

  it('keeps status and reason, adds a date when there is none, and says the framing', () => {
    expect(put(answerOf('A: 1\r\nX-Secret: 2\r\nContent-Length: 5\r\n', 'HTTP/1.1 207 Some words'), 'length')).toBe(
      `HTTP/1.1 207 Some words\r\nA: 1\r\nX-Added: 1\r\n${date}Content-Length: 5\r\n\r\n`,
    );
    expect(put(answerOf('Date: then\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n', 'HTTP/1.1 200'), 'chunked')).toBe(
      'HTTP/1.1 200 \r\nDate: then\r\nTrailer: T\r\nX-Added: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    expect(put(answerOf('Trailer: T\r\n'), 'close', { httpMinor: 1, close: true })).toBe(
      `HTTP/1.1 200 OK\r\nX-Added: 1\r\n${date}Connection: close\r\n\r\n`,
    );
    expect(put(answerOf('Content-Length: 0\r\n'), 'none', { httpMinor: 0, close: false })).toBe(
      `HTTP/1.1 200 OK\r\nX-Added: 1\r\n${date}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n`,
    );
    expect(put(answerOf('Content-Length: 9\r\n', 'HTTP/1.1 204 No Content'), 'none')).toBe(
      `HTTP/1.1 204 No Content\r\nX-Added: 1\r\n${date}\r\n`,
    );
    expect(put(answerOf('Content-Length: 9\r\n', 'HTTP/1.1 304 Not Modified'), 'none')).toContain(
      'Content-Length: 9\r\n',
    );
  });

  it('says nothing of content or connection in an interim answer', () => {
    const out = new OutBuffer();
    putInterimHead(out, answerOf('Link: </a>\r\n', 'HTTP/1.1 103 Early Hints'), none, 'X-Added: 1\r\n');
    expect(written(out)).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Added: 1\r\n\r\n');
  });

  it('makes the date anew each second', () => {
    expect([at, at + 999, at + 1_000, at].map((ms) => dateField(ms).toString())).toEqual([
      date,
      date,
      date.replace(':00 GMT', ':01 GMT'),
      date,
    ]);
  });

  it('writes an answer of our own, without its body for HEAD', () => {
    const answer = { status: 404, fields: 'A: 1\r\n', body: Buffer.from('gone') };
    const put404 = (isHead: boolean, status = 404, close = true) => {
      const out = new OutBuffer();
      putAnswer(out, { ...answer, status }, { httpMinor: 1, close }, isHead, at);
      return written(out);
    };
    const head = `HTTP/1.1 404 Not Found\r\nA: 1\r\n${date}Content-Length: 4\r\nConnection: close\r\n\r\n`;
    expect([put404(false), put404(true)]).toEqual([`${head}gone`, head]);
    expect(put404(false, 499, false)).toBe(`HTTP/1.1 499 \r\nA: 1\r\n${date}Content-Length: 4\r\n\r\ngone`);
  });
});

describe('passingTrailers', () => {
  it('leaves what the filter lets through', () => {
    const lines = 'A: 1\r\nX-Secret: 2\r\nNm-B: 3\r\nC: : 4\r\n';
    expect(passingTrailers(lines, { names: ['x-secret'], prefixes: ['nm-'] })).toBe('A: 1\r\nC: : 4\r\n');
    expect(passingTrailers(lines, none)).toBe(lines);
    expect([passingTrailers('', none), passingTrailers(lines, undefined)]).toEqual(['', '']);
  });
});
