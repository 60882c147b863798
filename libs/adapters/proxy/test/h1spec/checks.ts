/** One check: what is sent, and how a server that keeps to HTTP/1.1 takes it. */
export interface Check {
  readonly name: string;
  /** latin1 */
  readonly send: string;
  /**
   * `waits`: it is the beginning of `whole`; nothing is answered before the rest has come, and then it is.
   * `answers`: 2xx, after a 100 perhaps. `refuses`: 4xx, or 505 for a version, and the connection ends.
   */
  readonly must: 'waits' | 'answers' | 'refuses';
}

/** What the fragments are the beginning of. */
export const whole = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';

const fragments: readonly (readonly [name: string, upTo: string])[] = [
  ['one byte of the method', 'G'],
  ['the method and a space', 'GET '],
  ['the target, perhaps not all of it', 'GET /hello'],
  ['the target and a space', 'GET /hello '],
  ['the name of the protocol', 'GET /hello HTTP'],
  ['the version', 'GET /hello HTTP/1.1'],
  ['a request line without its LF', 'GET /hello HTTP/1.1\r'],
  ['a request line', 'GET /hello HTTP/1.1\r\n'],
  ['half of a field name', 'GET /hello HTTP/1.1\r\nHos'],
  ['a field name and its colon', 'GET /hello HTTP/1.1\r\nHost:'],
  ['the space before a value', 'GET /hello HTTP/1.1\r\nHost: '],
  ['half of a value', 'GET /hello HTTP/1.1\r\nHost: local'],
  ['a value', 'GET /hello HTTP/1.1\r\nHost: localhost'],
  ['a field line without its LF', 'GET /hello HTTP/1.1\r\nHost: localhost\r'],
  ['a field line', 'GET /hello HTTP/1.1\r\nHost: localhost\r\n'],
  ['all but the last LF', 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r'],
];

const get = 'GET / HTTP/1.1\r\nHost: example.com\r\n';
const refuses = (name: string, send: string): Check => ({ name, send, must: 'refuses' });
const answers = (name: string, send: string): Check => ({ name, send, must: 'answers' });

/** The checks of h1spec's kind (github.com/uNetworking/h1spec names them), in our words and with our bytes. */
export const checks: readonly Check[] = [
  ...fragments.map(([name, send]): Check => ({ name: `the beginning of a request: ${name}`, send, must: 'waits' })),
  answers('an ordinary GET', `${get}\r\n`),
  answers(
    'a field name in mixed case, a tab before a value, a value that is empty',
    'GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n',
  ),
  answers('a value of nothing but a space', `${get}X-Empty: \r\n\r\n`),
  answers('Expect: 100-continue on a request without content', `${get}Expect: 100-continue\r\n\r\n`),
  answers('a POST with content', 'POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello'),
  refuses('a request line without a version', 'GET / \r\n\r\n'),
  refuses('a version that does not exist', 'GET / HTTP/9.9\r\nHost: example.com\r\n\r\n'),
  refuses('something before the method', `Some words${get}\r\n`),
  refuses('brackets in a field name', `${get}X-Odd[]: 1\r\n\r\n`),
  refuses('a control character in a value', `${get}X-Bell: ring\x07\r\n\r\n`),
  refuses('a CR alone where a line begins', `${get}\rX-After: 1\r\n\r\n`),
  refuses('no Host', 'GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n'),
  refuses('two Hosts', `${get}Host: example.org\r\n\r\n`),
  refuses('a negative Content-Length', `${get}Content-Length: -1234\r\n\r\n`),
  refuses('a negative Content-Length of many digits', `${get}Content-Length: -123456789123456789123456789\r\n\r\n`),
  refuses('a Content-Length that is no number', `${get}Content-Length: abc\r\n\r\n`),
  refuses('Transfer-Encoding beside Content-Length', `${get}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`),
];
