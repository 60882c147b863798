import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineKinds } from './engine.js';
import { type ProxyServer, startProxy } from './test/proxy-server.js';
import { type RawUpstream, rawClient, startRawUpstream } from './test/raw-peers.js';

const host = 'Host: x\r\n';
const end = 'Connection: close\r\n\r\n';

/** Each is read differently by some pair of servers in use. */
const malformed: Record<string, string> = {
  'TE and CL': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n${end}0\r\n\r\n`,
  'CL and TE': `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
  'TE gzip, chunked': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n${end}0\r\n\r\n`,
  'TE chunked, gzip': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n${end}0\r\n\r\n`,
  'TE xchunked': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n${end}0\r\n\r\n`,
  'TE identity': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n${end}`,
  'TE empty': `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n${end}`,
  'TE twice': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
  'TE on HTTP/1.0': `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
  'TE with a space before the colon': `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n${end}0\r\n\r\n`,
  'TE folded': `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n${end}0\r\n\r\n`,
  'CL twice': `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n${end}x`,
  'CL list': `POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n${end}x`,
  'CL signed': `POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n${end}x`,
  'CL hex': `POST / HTTP/1.1\r\n${host}Content-Length: 0x1\r\n${end}x`,
  'CL too long': `POST / HTTP/1.1\r\n${host}Content-Length: 00000000000000000001\r\n${end}x`,
  'no host': `GET / HTTP/1.1\r\n${end}`,
  'two hosts': `GET / HTTP/1.1\r\n${host}Host: y\r\n${end}`,
  'same host twice': `GET / HTTP/1.1\r\n${host}${host}${end}`,
  'empty host': `GET / HTTP/1.1\r\nHost:\r\n${end}`,
  'host with a user': `GET / HTTP/1.1\r\nHost: a@b\r\n${end}`,
  'host with a path': `GET / HTTP/1.1\r\nHost: a/b\r\n${end}`,
  'host with a space': `GET / HTTP/1.1\r\nHost: a b\r\n${end}`,
  'host with a list': `GET / HTTP/1.1\r\nHost: a, b:1\r\n${end}`,
  'host with a bad port': `GET / HTTP/1.1\r\nHost: a:b\r\n${end}`,
  'HTTP/2.0': `GET / HTTP/2.0\r\n${host}${end}`,
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/1.2': `GET / HTTP/1.2\r\n${host}${end}`,
  'bare LF': `GET / HTTP/1.1\n${host}${end}`,
  'bare CR in a value': `GET / HTTP/1.1\r\n${host}X: a\rb\r\n${end}`,
  'NUL in a value': `GET / HTTP/1.1\r\n${host}X: a\0b\r\n${end}`,
  'space in a name': `GET / HTTP/1.1\r\n${host}X Y: a\r\n${end}`,
  'empty name': `GET / HTTP/1.1\r\n${host}: a\r\n${end}`,
  'continued line': `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n${end}`,
  'bad connection option': `GET / HTTP/1.1\r\n${host}Connection: a b, close\r\n\r\n`,
  'too many fields': `GET / HTTP/1.1\r\n${host}${'X: 1\r\n'.repeat(100)}${end}`,
  'too large a head': `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n${end}`,
  'bad chunk size': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${end}x\r\n\r\n`,
  'signed chunk size': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${end}+1\r\nx\r\n0\r\n\r\n`,
  'chunk without its end': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${end}1\r\nxy\r\n0\r\n\r\n`,
  'a second request behind TE and CL': `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n${host}${end}`,
};

describe.each(engineKinds)('framing on %s', (kind) => {
  let upstream: RawUpstream;
  let proxy: ProxyServer;
  beforeAll(async () => {
    upstream = await startRawUpstream((socket, soFar) => {
      if (/\r\n\r\n$/.test(soFar)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    proxy = await startProxy(kind, () => upstream.origin);
  });
  afterAll(async () => {
    await proxy.close();
    await upstream.close();
  });

  it.each(Object.entries(malformed))('refuses %s, and the upstream answers none of it', async (_name, text) => {
    const client = rawClient(proxy.port, text);
    const answer = await client.closed;
    expect(answer).not.toContain('200 OK');
    // Nothing, or an error: never a second answer behind it.
    expect(answer === '' || /^HTTP\/1\.1 4\d\d /.test(answer)).toBe(true);
    expect(answer.match(/^HTTP\/1\.1 \d/gm)?.length ?? 0).toBeLessThan(2);
  });

  it.each([
    `GET / HTTP/1.1\r\n${host}${end}`,
    `GET / HTTP/1.0\r\n${end}`,
    `GET / HTTP/1.1\r\nHost: [::1]:8080\r\n${end}`,
    `GET / HTTP/1.1\r\nHost: a_b.example:443\r\nConnection: keep-alive, close\r\n\r\n`,
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: Chunked\r\n${end}0\r\n\r\n`,
    `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\n${end}`,
  ])('passes what is well formed: %j', async (text) => {
    expect(await rawClient(proxy.port, text).closed).toContain('200 OK');
  });
});
