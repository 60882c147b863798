import type { Random } from './random.js';

const methods = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'get', 'G@T', ''];
const targets = [
  '/',
  '/a?b=c',
  '/a%2f../',
  '*',
  'http://x/a',
  'http://x',
  'http://y/',
  'http://x?q',
  'https://x/',
  'x:80',
  '/#f',
  '/ a',
  '//y/',
  '/\xe9',
  '/a|b',
  'http:///',
  'http://X:80/',
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.2',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  '',
];
const spaces = [' ', ' ', ' ', ' ', ' ', ' ', '  ', '\t', '', ' \t'];
const lineEnds = [...Array<string>(150).fill('\r\n'), '\n', '\r', '\r\r\n', '\n\r', '\r\n '];
const colons = [...Array<string>(12).fill(': '), ':', ' :', '\t:', ':\t', ': \t ', '::', ''];
const hosts = [
  'x',
  'x',
  'x',
  'x',
  'X:80',
  '',
  'a b',
  'a,b',
  'u@x',
  '[::1]',
  '[::1',
  'x:',
  'x:99999',
  'x:123456',
  'a%',
  'a/b',
  '[v1.a]',
];
const lengths = [
  '0',
  '1',
  '2',
  '5',
  '5',
  '05',
  '+5',
  '-5',
  '5,5',
  '5, 5',
  '0x5',
  '5 ',
  '',
  '9007199254740993',
  '18446744073709551621',
  '5;',
  '1e1',
  '5\x0b',
];
const codings = [
  'chunked',
  'chunked',
  'chunked',
  'Chunked',
  'identity',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'chunked,chunked',
  ',chunked',
  'chunked,',
  'xchunked',
  '"chunked"',
  '\x0bchunked',
  'chunked;a=b',
  '',
];
const options = [
  'close',
  'keep-alive',
  'Close',
  'Upgrade',
  'upgrade',
  'content-length',
  'host',
  'transfer-encoding',
  'X-A',
  'a b',
  ',',
  ',,close',
  '"close"',
  'keep-alive, close',
  '',
];
const values = ['', 'a', 'a b', 'a\tb', '\xff', 'a\0b', 'a\rb', 'a\nb', 'a\x7f', '"a', 'x'.repeat(40), ':', 'chunked'];
const names = [
  'X-A',
  'x_b',
  'Accept',
  'Cookie',
  'Keep-Alive',
  'Trailer',
  'TE',
  'Expect',
  'X A',
  'X(A',
  '',
  '\xe9',
  'Proxy-Connection',
  'Transfer_Encoding',
  'Content_Length',
  'Via',
];
const sizes = [
  '0',
  '1',
  '2',
  '5',
  '5',
  'a',
  'A',
  '05',
  '+5',
  '-5',
  '0x5',
  '5 ',
  ' 5',
  '',
  'g',
  '10000000000000005',
  'fffffffffffffff',
  '20000000000000',
  '5\t',
  '000000000000000005',
];
const extensions = [
  '',
  '',
  '',
  '',
  '',
  ';a',
  ';a=b',
  ';a="b"',
  ';a="b',
  ';',
  ' ;a',
  '; a = b',
  ';a=b;c',
  ';a="\\""',
  ';a=\xe9',
  ';\n',
  ';a\rb',
  ';a b',
  ';a=',
];
const statuses = [
  '200 OK',
  '200 OK',
  '200 OK',
  '204 No',
  '304 Not',
  '404 ',
  '500',
  '100 Go',
  '103 Hint',
  '101 Sw',
  '20 OK',
  '2000 OK',
  '099 OK',
  '600 OK',
  '200\tOK',
  '200  OK',
  '200 O\0K',
  '2x0 OK',
  '200 \xe9',
];

const field = (random: Random): string => {
  const colon = random.pick(colons);
  switch (random.below(14)) {
    case 0:
    case 1:
      return `Content-Length${colon}${random.pick(lengths)}`;
    case 2:
    case 3:
      return `Transfer-Encoding${colon}${random.pick(codings)}`;
    case 4:
      return `Connection${colon}${random.pick(options)}`;
    case 5:
      return `Host${colon}${random.pick(hosts)}`;
    case 6:
      return `Upgrade${colon}${random.pick(['websocket', 'h2c', ''])}`;
    case 7:
      return `Expect${colon}${random.pick(['100-continue', 'cake', ''])}`;
    case 8:
      return `${random.pick(['content-length', 'CONTENT-LENGTH'])}: 5`;
    case 9:
      return 'transfer-encoding: chunked';
    default:
      return `${random.pick(names)}${colon}${random.pick(values)}`;
  }
};

const fields = (random: Random): string => {
  let lines = '';
  for (let left = random.below(4); left > 0; left--) lines += field(random) + random.pick(lineEnds);
  return lines;
};

const data = (random: Random, size: number): string =>
  random
    .pick(['hello world', '0\r\n\r\nGET /b H', '\r\n\r\n\r\n\r\n\r\n\r\n'])
    .slice(0, random.oneIn(12) ? random.below(12) : size);

function chunks(random: Random): string {
  let text = '';
  for (let left = random.below(3); left > 0; left--) {
    const size = random.oneIn(3) ? random.pick(sizes) : '5';
    text +=
      size +
      random.pick(extensions) +
      random.pick(lineEnds) +
      data(random, Number.parseInt(size, 16) || 0) +
      random.pick(lineEnds);
  }
  text += `${random.oneIn(15) ? random.pick(sizes) : '0'}${random.pick(extensions)}${random.pick(lineEnds)}`;
  if (random.oneIn(4)) text += fields(random);
  return text + random.pick(lineEnds);
}

/** Most messages are nearly right: wholly random ones die in the first line. */
const body = (random: Random): { declared: string; text: string } => {
  switch (random.below(4)) {
    case 0:
      return { declared: `Content-Length: 5${random.pick(lineEnds)}`, text: data(random, 5) };
    case 1:
    case 2:
      return { declared: `Transfer-Encoding: chunked${random.pick(lineEnds)}`, text: chunks(random) };
    default:
      return { declared: '', text: random.oneIn(4) ? data(random, 5) : '' };
  }
};

/** request makes one request, or something near one. */
export function request(random: Random): string {
  const { declared, text } = body(random);
  const method = random.oneIn(3) ? random.pick(methods) : random.pick(['GET', 'POST']);
  const target = random.oneIn(3) ? random.pick(targets) : '/a';
  const version = random.oneIn(5) ? random.pick(versions) : 'HTTP/1.1';
  const host = random.oneIn(8)
    ? `Host${random.pick(colons)}${random.pick(hosts)}${random.pick(lineEnds)}`
    : 'Host: x\r\n';
  const first = `${method}${random.oneIn(6) ? random.pick(spaces) : ' '}${target}${random.oneIn(6) ? random.pick(spaces) : ' '}${version}`;
  const before = random.oneIn(12) ? random.pick(['\r\n', '\n', '\r\n\r\n', ' ', '\r']) : '';
  return (
    before +
    first +
    random.pick(lineEnds) +
    host +
    (random.oneIn(2) ? fields(random) : '') +
    declared +
    random.pick(lineEnds) +
    text
  );
}

/** response makes one response, or something near one. */
export function response(random: Random): string {
  const { declared, text } = body(random);
  const version = random.oneIn(5) ? random.pick(versions) : 'HTTP/1.1';
  const status = random.oneIn(2) ? random.pick(statuses) : '200 OK';
  const first = `${version}${random.oneIn(8) ? random.pick(spaces) : ' '}${status}`;
  return (
    first + random.pick(lineEnds) + (random.oneIn(2) ? fields(random) : '') + declared + random.pick(lineEnds) + text
  );
}

const nasty = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  '5',
  '\xff',
  '\x7f',
  '\x0b',
  '"',
  '-',
  '+',
  'chunked',
  '\r\n\r\n',
];

/** mutate changes some bytes: removes, doubles, replaces, inserts, moves. */
export function mutate(text: string, random: Random): string {
  let result = text;
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(result.length + 1);
    const length = 1 + random.below(4);
    switch (random.below(5)) {
      case 0:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(at, at + length) + result.slice(at);
        break;
      case 2:
        result = result.slice(0, at) + String.fromCharCode(random.below(256)) + result.slice(at + 1);
        break;
      case 3:
        result = result.slice(0, at) + random.pick(nasty) + result.slice(at);
        break;
      default: {
        const to = random.below(result.length + 1);
        result = result.slice(0, at) + result.slice(to, to + 12) + result.slice(at);
      }
    }
  }
  return result;
}
