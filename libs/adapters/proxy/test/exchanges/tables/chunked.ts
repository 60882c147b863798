import { type Exchange, host, pass, refuse } from '../exchange-row.js';

const post = 'POST /a HTTP/1.1';
const head = `${post}\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;
const chunks = (name: string, text: string, body: string): Exchange =>
  pass(name, head + text, `${post} | chunked:${body}`, { around: `\r\n\r\n${text}` });
/** The head is well formed, so the upstream may have seen the request begin; it must never see it end. */
const bad = (name: string, text: string): Exchange =>
  refuse(name, head + text, { broken: true, around: `\r\n\r\n${text}` });

/** RFC 9112 §7.1. */
export const chunked: readonly Exchange[] = [
  chunks('one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'),
  chunks('two chunks', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'),
  pass('none', `${head}0\r\n\r\n`, post),
  chunks('hexadecimal, either case', 'a\r\n0123456789\r\nB\r\n0123456789x\r\n0\r\n\r\n', '01234567890123456789x'),
  chunks('leading zeros', '0005\r\nhello\r\n000\r\n\r\n', 'hello'),
  chunks('CRLFs inside the data', '4\r\n\r\n\r\n\r\n0\r\n\r\n', '\r\n\r\n'),
  chunks('data that looks like the last chunk', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n'),
  chunks('an extension', '2;a\r\nhi\r\n0\r\n\r\n', 'hi'),
  chunks('an extension with a value', '2;a=b\r\nhi\r\n0;last=1\r\n\r\n', 'hi'),
  chunks('an extension with a quoted value', '2;a="b c"\r\nhi\r\n0\r\n\r\n', 'hi'),
  pass(
    'chunked in another case',
    `${post}\r\n${host}TRANSFER-encoding: \tChUnKeD \r\n\r\n1\r\na\r\n0\r\n\r\n`,
    `${post} | chunked:a`,
  ),
  bad('no size', '\r\nhello\r\n0\r\n\r\n'),
  bad('a size that is no number', 'g\r\nhello\r\n0\r\n\r\n'),
  bad('a sign', '+5\r\nhello\r\n0\r\n\r\n'),
  bad('a negative size', '-5\r\nhello\r\n0\r\n\r\n'),
  bad('0x', '0x5\r\nhello\r\n0\r\n\r\n'),
  bad('a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'),
  bad('a space after the size', '5 \r\nhello\r\n0\r\n\r\n'),
  bad('a tab after the size', '5\t\r\nhello\r\n0\r\n\r\n'),
  bad('an underscore', '1_0\r\nhello\r\n0\r\n\r\n'),
  bad('a size of 2^64', '10000000000000000\r\nhello\r\n0\r\n\r\n'),
  bad('a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  {
    ...bad('a size of 2^53', '20000000000000\r\nhello\r\n0\r\n\r\n'),
  },
  bad('a size of 40 digits', `${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`),
  bad('a bare LF after the size', '5\nhello\r\n0\r\n\r\n'),
  bad('a bare CR after the size', '5\rhello\r\n0\r\n\r\n'),
  bad('a bare LF after the data', '5\r\nhello\n0\r\n\r\n'),
  bad('nothing after the data', '5\r\nhello0\r\n\r\n'),
  bad('data longer than its size', '4\r\nhello\r\n0\r\n\r\n'),
  bad('data shorter than its size', '6\r\nhello\r\n0\r\n\r\n'),
  bad('an extension without a name', '5;\r\nhello\r\n0\r\n\r\n'),
  bad('a bare LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'),
  bad('a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
  bad('NUL in an extension', '5;a\0\r\nhello\r\n0\r\n\r\n'),
  bad('an open quote in an extension', '5;a="b\r\nhello\r\n0\r\n\r\n'),
  bad('a bare LF after the last chunk', '5\r\nhello\r\n0\n\r\n'),
  bad('a bare LF at the very end', '5\r\nhello\r\n0\r\n\n'),
  bad('a trailer without a colon', '5\r\nhello\r\n0\r\nX\r\n\r\n'),
  bad('a trailer with a space before the colon', '5\r\nhello\r\n0\r\nX : 1\r\n\r\n'),
  bad('a folded trailer', '5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n'),
  pass('chunks that break off', `${head}5\r\nhel`, [], {
    broken: true,
    gets: [],
    ends: 'closed',
    fin: true,
    around: '5\r\nhel',
  }),
  pass('chunks without the last one', `${head}5\r\nhello\r\n`, [], {
    broken: true,
    gets: [],
    ends: 'closed',
    fin: true,
    around: '5\r\nhello\r\n',
  }),
];
