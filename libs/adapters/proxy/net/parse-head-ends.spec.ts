import { describe, expect, it } from 'vitest';
import { headBytesMax, MessageHead, requestLineBytesMax } from './message-head.js';
import { faultOf, headFaults, incomplete, parseRequestHead, parseResponseHead } from './parse-head.js';

type Parse = typeof parseRequestHead;

/** What lies in memory around the bytes that came. */
const surroundings = ['\0', 'a', '1', ' ', ':', ',', '\r', '\n', '\r\n', ']'];

/** endOf parses a text that lies somewhere in a larger buffer. @returns the offset in the text, or the fault */
function endOf(parse: Parse, text: string, behind = '\0', before = 'x'.repeat(100_000)): number {
  const bytes = Buffer.from(before + text + behind.repeat(32), 'latin1');
  const end = parse(bytes, before.length, before.length + text.length, new MessageHead());
  return end > 0 ? end - before.length : end;
}

const good: readonly [name: string, Parse, text: string][] = [
  ['a request', parseRequestHead, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  [
    'a request with much in it',
    parseRequestHead,
    '\r\nPOST http://X:80/p?q HTTP/1.1\r\nhost:\tx:80 \t\r\nTransfer-Encoding: chunked \r\nConnection: , close\t,a , Keep-Alive,\r\nA:\r\n\r\n',
  ],
  ['an answer', parseResponseHead, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'],
  ['an answer without a phrase', parseResponseHead, 'HTTP/1.0 404\r\nA: \r\n\r\n'],
];

describe('a head in the memory of a connection', () => {
  it.each(good)('of %s is whole at its end and nowhere before, whatever lies around it', (_name, parse, text) => {
    for (const behind of surroundings)
      for (let to = 0; to < text.length; to++)
        expect([to, behind, endOf(parse, text.slice(0, to), behind)]).toEqual([to, behind, incomplete]);
    for (const behind of surroundings) expect(endOf(parse, text, behind)).toBe(text.length);
    for (const before of ['', 'CONNECT ', 'HTTP/1.']) expect(endOf(parse, text, '\0', before)).toBe(text.length);
  });

  it('may have as many bytes as the bounds say, and none more', () => {
    const fill = (start: string, end: string, bytes: number) =>
      start + 'a'.repeat(bytes - start.length - end.length) + end;
    const [request, answer] = ['GET / HTTP/1.1\r\nHost: x\r\nA: ', 'HTTP/1.1 200 OK\r\nA: '];
    const rows: readonly [Parse, start: string, end: string, max: number, fault: number, whole: boolean][] = [
      [parseRequestHead, request, '\r\n\r\n', headBytesMax, faultOf.headTooLarge, true],
      [parseRequestHead, request, '', headBytesMax, faultOf.headTooLarge, false],
      [parseResponseHead, answer, '\r\n\r\n', headBytesMax, faultOf.headTooLarge, true],
      [parseResponseHead, answer, '', headBytesMax, faultOf.headTooLarge, false],
      [parseRequestHead, 'GET /', '', requestLineBytesMax, faultOf.lineTooLong, false],
      [parseRequestHead, 'G', '', requestLineBytesMax, faultOf.lineTooLong, false],
    ];
    for (const [parse, start, end, max, fault, whole] of rows) {
      expect([start, endOf(parse, fill(start, end, max))]).toEqual([start, whole ? max : incomplete]);
      expect([start, endOf(parse, fill(start, end, max + 1))]).toEqual([start, fault]);
    }
    const line = fill(
      'GET /',
      ' HTTP/1.1\r\nHost: x\r\n\r\n',
      requestLineBytesMax + ' HTTP/1.1\r\nHost: x\r\n\r\n'.length,
    );
    expect(endOf(parseRequestHead, line)).toBe(line.length);
    expect(endOf(parseRequestHead, line.replace('/', '/a'))).toBe(faultOf.lineTooLong);
  });
});

const requestWith = (fields: string, line = 'GET / HTTP/1.1'): string => `${line}\r\n${fields}\r\n`;
const headOf = (text: string, parse: Parse = parseRequestHead) => {
  const head = new MessageHead();
  const bytes = Buffer.from(text, 'latin1');
  expect([text, parse(bytes, 0, bytes.length, head)]).toEqual([text, bytes.length]);
  return head;
};
const faultIn = (text: string, parse: Parse = parseRequestHead) => headFaults[-endOf(parse, text)];
const nominatedBy = (fields: string): string[] => {
  const { bytes, nominated } = headOf(requestWith(`Host: x\r\n${fields}`));
  return Array.from({ length: nominated.length / 2 }, (_, i) =>
    bytes.toString('latin1', nominated[2 * i], nominated[2 * i + 1]),
  );
};

describe('the parts of a request', () => {
  it.each([
    'x',
    'X-1.a_b~',
    "!$&'()*+,;=",
    'a:1',
    'a:12345',
    '[::1]',
    '[::1]:65535',
    '[fe80::A1]',
    '[::FFFF:1.2.3.4]',
    '9',
  ])('may be for %j', (authority) => {
    headOf(requestWith(`Host: ${authority}\r\n`));
    const absolute = headOf(requestWith(`Host: ${authority}\r\n`, `GET http://${authority}/p HTTP/1.1`));
    expect(absolute.text(absolute.authorityStart, absolute.authorityEnd)).toBe(authority);
    expect(absolute.text(absolute.targetStart, absolute.targetEnd)).toBe('/p');
  });

  it.each([
    ...[
      '',
      ':',
      ':80',
      'a:',
      'a:b',
      'a:1b',
      'a:/1',
      'a:1:2',
      'a:123456',
      'a b',
      'a[b',
      'a]b',
      '[',
      ']',
      'a%20b',
      'a@b',
      'a/b',
      'a|b',
    ],
    ...[
      '[]',
      '[]:80',
      '[::1',
      '[::1)',
      '[::g]',
      '[::`]',
      '[::@]',
      '[::1]x',
      '[::1]1',
      '[::1]:',
      '[::1]:123456',
      '[::1]]',
      '[:/]',
    ],
  ])('are not for %j', (authority) => {
    expect(faultIn(requestWith(`Host: ${authority}\r\n`))).toBe(headFaults[-faultOf.host]);
    const absolute = endOf(parseRequestHead, requestWith('Host: x\r\n', `GET http://${authority} HTTP/1.1`));
    expect(absolute).toBeLessThan(0);
  });

  it.each([
    ['x', 'y'],
    ['x', 'xy'],
    ['xy', 'x'],
    ['x:80', 'x:81'],
    ['x1', 'x2'],
    ['[::1]', '[::2]'],
  ])('are for %s and not for %s', (authority, host) => {
    const text = requestWith(`Host: ${host}\r\n`, `GET http://${authority}/ HTTP/1.1`);
    expect(faultIn(text)).toBe(headFaults[-faultOf.authority]);
  });

  it('take a target in one of its forms', () => {
    for (const target of ['https:/x/', 'ftp://x/', 'http:/x/', 'http:x', 'x', '*x', 'HTTP://x/'])
      for (const method of ['GET', 'OPTIONS'])
        expect([target, faultIn(requestWith('Host: x\r\n', `${method} ${target} HTTP/1.1`))]).toEqual([
          target,
          headFaults[-faultOf.target],
        ]);
    for (const method of ['OPTIONSX', 'OPTION', 'GET'])
      expect(faultIn(requestWith('Host: x\r\n', `${method} * HTTP/1.1`))).toBe(headFaults[-faultOf.target]);
    headOf(requestWith('Host: x\r\n', 'CONNECTX / HTTP/1.1'));
    expect(headOf(requestWith('', 'GET http://x/ HTTP/1.0')).host).toBe(-1);
  });

  it('end their lines in CRLF, and have one space between', () => {
    for (const line of ['GET\t/ HTTP/1.1', 'GET/ HTTP/1.1', 'GET(/ HTTP/1.1'])
      expect(faultIn(requestWith('Host: x\r\n', line))).toBe(headFaults[-faultOf.requestLine]);
    for (const text of [
      'GET / HTTP/1.1\rXHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\rX\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\n\rX',
      '\rXGET / HTTP/1.1\r\nHost: x\r\n\r\n',
    ])
      expect([text, faultIn(text)]).toEqual([text, headFaults[-faultOf.lineEnd]]);
  });

  it('count content by up to fifteen digits, once', () => {
    const length = (value: string) => requestWith(`Host: x\r\nContent-Length: ${value}\r\n`);
    expect(headOf(length('999999999999999')).contentLength).toBe(999_999_999_999_999);
    expect(headOf(length('007')).contentLength).toBe(7);
    for (const value of ['1:', '1/', '1a', '1000000000000000', '0\r\nContent-Length: 0', '-0', '0x1', '1.0'])
      expect([value, faultIn(length(value))]).toEqual([value, headFaults[-faultOf.contentLength]]);
    for (const parse of [parseRequestHead, parseResponseHead]) {
      const line = parse === parseRequestHead ? 'GET / HTTP/1.1' : 'HTTP/1.1 200 OK';
      const both = requestWith('Host: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n', line);
      expect(faultIn(both, parse)).toBe(headFaults[-faultOf.bothLengths]);
    }
  });

  it('are chunked by that word alone, behind which spaces may stand and no tab', () => {
    const coding = (value: string) => requestWith(`Host: x\r\nTransfer-Encoding:${value}\r\n`);
    for (const value of ['chunked', ' CHUNKED', '\tchunked  ', ' chunked '])
      expect(headOf(coding(value)).chunked).toBe(true);
    for (const value of ['', ' chunked\t', ' chunked \t', ' chunked\t ', ' chunkee', ' chunked,', ' chunke'])
      expect([value, faultIn(coding(value))]).toEqual([value, headFaults[-faultOf.transferEncoding]]);
  });

  it('name what belongs to the connection in a list of tokens', () => {
    expect(nominatedBy('Connection: \r\nConnection: , ,\t,\r\n')).toEqual([]);
    expect(nominatedBy('Connection: a,b ,c\t, d\t \t,,e\r\nConnection: f\r\n')).toEqual([...'abcdef']);
    expect(nominatedBy('Connection: Host, content-length, x, CLOSE, Keep-alive, upgrade, hosts\r\n')).toEqual([
      'x',
      'hosts',
    ]);
    for (const options of ['close', ' ,close', 'close ,', 'close\t,x', 'x, close', 'x,\tclose'])
      expect([options, headOf(requestWith(`Host: x\r\nConnection: ${options}\r\n`)).close]).toEqual([options, true]);
    for (const options of ['a b', 'a;b', '"a"', 'a, b c', 'a\tb', '\xe9', 'close x'])
      expect([options, faultIn(requestWith(`Host: x\r\nConnection: ${options}\r\n`))]).toEqual([
        options,
        headFaults[-faultOf.connection],
      ]);
  });

  it('switch protocols without content, and not on HTTP/1.0', () => {
    const fields = (more = '') => `Upgrade: a\r\nHost: x\r\nConnection: upgrade\r\n${more}`;
    expect(headOf(requestWith(fields()))).toMatchObject({ switches: true, upgrade: 0 });
    expect(headOf(requestWith(fields('Content-Length: 0\r\n')))).toMatchObject({ switches: true, contentLength: 0 });
    for (const body of ['Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n'])
      expect(faultIn(requestWith(fields(body)))).toBe(headFaults[-faultOf.bodyOnUpgrade]);
    expect(faultIn(requestWith(fields('Content-Length: 1\r\n'), 'GET / HTTP/1.0'))).toBe(
      headFaults[-faultOf.bodyOnUpgrade],
    );
    const old = headOf(requestWith(fields('Expect: 100-continue\r\n'), 'GET / HTTP/1.0'));
    expect(old).toMatchObject({ switches: false, expectsContinue: false, httpMinor: 0 });
  });
});

describe('the status line', () => {
  it.each(['100', '101', '599'])('may say %s', (status) => {
    expect(headOf(`HTTP/1.1 ${status} x\r\n\r\n`, parseResponseHead).status).toBe(Number(status));
  });

  it.each([
    ...[
      'HTTP/1.1 2/0 x',
      'HTTP/1.1 20: x',
      'HTTP/1.1 a00 x',
      'HTTP/1.1 2a0 x',
      'HTTP/1.1 20a x',
      'HTTP/1.1 099 x',
      'HTTP/1.1 600 x',
    ],
    ...[
      'HTTP/1.1x200 x',
      'HTTP/1.1 200x',
      'HTTP/1.1 200\tx',
      'HTTP/1.1  200',
      'HTTP/1.2 200 x',
      'HTTP/1.1 200 x\0',
      'HTTP/1.1 200 x\rx',
    ],
  ])('is not %j', (line) => {
    expect(faultIn(`${line}\r\n\r\n`, parseResponseHead)).toBe(headFaults[-faultOf.statusLine]);
  });

  it('is refused as soon as it has gone wrong', () => {
    for (const line of ['HTTP/1.1 200 x\0', 'HTTP/1.1 200x', 'HTTP/2'])
      expect([line, endOf(parseResponseHead, line)]).toEqual([line, faultOf.statusLine]);
  });
});

describe('a head that is kept', () => {
  const text =
    'POST http://h:1/p HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nConnection: x-b\r\nx-b: 2\r\nContent-Length: 3\r\n\r\n';
  const told = (head: MessageHead) => ({
    method: head.text(head.methodStart, head.methodEnd),
    target: head.text(head.targetStart, head.targetEnd),
    authority: head.text(head.authorityStart, head.authorityEnd),
    fields: Array.from({ length: head.count }, (_, i) => [
      head.text(head.nameStart(i), head.nameEnd(i)),
      head.value(i),
      head.isNominated(i),
    ]),
    all: head.text(head.start, head.end),
    bytes: head.end - head.start,
    asked: [head.field('x-a'), head.field('x-b')],
  });

  it('says the same when the memory that it lay in is used again', () => {
    const memory = Buffer.from(`before${text}behind`, 'latin1');
    const head = new MessageHead();
    expect(parseRequestHead(memory, 6, memory.length, head)).toBe(6 + text.length);
    const before = told(head);
    expect(before).toMatchObject({ method: 'POST', target: '/p', authority: 'h:1', all: text, asked: ['1', '2'] });
    expect(before.fields.map(([, , nominated]) => nominated)).toEqual([false, false, false, true, false]);
    head.keep();
    memory.fill(0);
    expect(told(head)).toEqual(before);
    const { bytes } = head;
    head.keep();
    expect([told(head), head.bytes === bytes]).toEqual([before, true]);
  });

  it('is kept anew when it is another', () => {
    const head = new MessageHead();
    for (const name of ['a', 'b']) {
      const memory = Buffer.from(`....${text.replace('POST', name)}`, 'latin1');
      parseRequestHead(memory, 4, memory.length, head);
      head.keep();
      memory.fill(0);
      expect(told(head).method).toBe(name);
    }
  });

  it('is as empty after a reset as it was at first', () => {
    const told = ({ offsets, kinds, bytes, ...says }: MessageHead) => ({
      ...says,
      end: 0,
      methodStart: 0,
      methodEnd: 0,
    });
    const head = headOf(
      'GET http://h/ HTTP/1.1\r\nHost: h\r\nUpgrade: a\r\nConnection: close, keep-alive, upgrade, b\r\nExpect: 100-continue\r\n\r\n',
    );
    head.reset(Buffer.alloc(0), 0);
    const { targetStart, targetEnd } = head;
    expect(told(head)).toEqual({ ...told(new MessageHead()), targetStart, targetEnd });
  });

  it('finds no field of the message before', () => {
    const head = new MessageHead();
    for (const message of [
      'GET / HTTP/1.1\r\nHost: x\r\nB-B: 2xx\r\nX-A: 1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nB-B: 2\r\n\r\nX-A: 1',
    ]) {
      const bytes = Buffer.from(message, 'latin1');
      expect(parseRequestHead(bytes, 0, bytes.length, head)).toBe(message.indexOf('\r\n\r\n') + 4);
    }
    expect([head.field('b-b'), head.field('x-a')]).toEqual(['2', undefined]);
  });

  it('knows the names of the hop by their whole length', () => {
    const head = headOf(
      requestWith('Host: x\r\nConnection: x-bb, Y\r\nX-B: 1\r\nX-BB: 2\r\nX-BBB: 3\r\nx-bc: 4\r\ny: 5\r\n'),
    );
    expect(Array.from({ length: head.count }, (_, i) => head.isNominated(i))).toEqual([
      ...[false, false, false, true, false, false, true],
    ]);
  });
});
