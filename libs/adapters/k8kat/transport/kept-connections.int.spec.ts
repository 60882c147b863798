import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { FakeClock } from '@nm/kernel/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptConnections } from './kept-connections.js';
import { type PlainRequest, requestBytes } from './request-bytes.js';

const ok = (text: string, more = ''): string =>
  `HTTP/1.1 200 OK\r\n${more}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

describe('KeptConnections', () => {
  const clock = new FakeClock();
  let server: Server;
  let kept: KeptConnections;
  /** The server's ends of all connections that there were. */
  let accepted: Socket[];
  let received: string;
  /** Called for each piece that comes. */
  let answer: (socket: Socket, text: string) => void;
  let dialled: () => Promise<void>;

  beforeEach(async () => {
    accepted = [];
    received = '';
    dialled = async () => undefined;
    server = createServer((socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined).setEncoding('utf8');
      socket.on('data', (text: string) => {
        received += text;
        answer(socket, text);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const dial = async (): Promise<Socket> => {
      const socket = connect({ port, host: '127.0.0.1' });
      await once(socket, 'connect');
      await dialled();
      return socket;
    };
    kept = new KeptConnections({ clock, host: 'api:1', dial });
  });
  afterEach(() => {
    kept.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  const ask = (more: Partial<PlainRequest> = {}, signal?: AbortSignal, beforeSend?: () => void) =>
    kept.send(requestBytes({ origin: '', path: '/x', method: 'GET', headers: {}, body: null, ...more }, 'api:1'), {
      timeoutMs: 60_000,
      bytesMax: 1_000,
      signal,
      beforeSend,
    });

  it('writes a request as HTTP/1.1 does, a body by its bytes and a repeated field line by line', async () => {
    answer = (socket) => socket.write(ok('"é"', 'Retry-After: 7\r\n'));
    const query = { labelSelector: 'a in (b, c)' };
    const headers = { accept: 'text/plain', 'impersonate-group': ['dev', 'ops'] };
    expect(await ask({ method: 'POST', query, headers, body: '"grün"' })).toEqual({
      status: 200,
      retryAfter: '7',
      text: '"é"',
    });
    expect(received).toBe(
      'POST /x?labelSelector=a%20in%20(b%2C%20c) HTTP/1.1\r\nhost: api:1\r\naccept: text/plain\r\n' +
        'impersonate-group: dev\r\nimpersonate-group: ops\r\ncontent-length: 7\r\n\r\n"grün"',
    );
  });

  it('asks once more when the connection is there, however long that took, and sends nothing when it may not', async () => {
    answer = (socket) => socket.write(ok('x'));
    let mayWrite = true;
    const guard = () => {
      if (!mayWrite) throw new Error('somebody else has the run');
    };
    // The process slept between the dial and the write.
    dialled = async () => {
      mayWrite = false;
    };
    await expect(ask({ method: 'POST' }, undefined, guard)).rejects.toThrow('somebody else has the run');
    // Its connection is as good as before, and that of who asks next; asked again on a connection that is there already.
    expect((await ask()).text).toBe('x');
    await expect(ask({ method: 'POST' }, undefined, guard)).rejects.toThrow('somebody else has the run');
    mayWrite = true;
    await ask({ method: 'PUT' }, undefined, guard);
    expect(received.match(/^[A-Z]+ /gm)).toEqual(['GET ', 'PUT ']);
    expect(accepted.length).toBe(1);
  });

  it.each<[string, Partial<PlainRequest>]>([
    ['a path', { path: '/x HTTP/1.1\r\nx: y' }],
    ['a value', { headers: { authorization: 'Bearer a\r\nx: y' } }],
    ['a repeated value', { headers: { 'impersonate-group': ['a', 'b\nx: y'] } }],
    ['a name', { headers: { 'x: y\r\nz': 'a' } }],
  ])('lets nothing but itself into a request by %s', (_, more) => {
    expect(() => ask(more)).toThrow(TypeError);
    expect(accepted).toEqual([]);
  });

  it('reads an answer in any pieces and framings, over one connection until the server ends it', async () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n';
    const answers = [ok('one'), chunked, 'HTTP/1.1 204 No Content\r\n\r\n', ok('bye', 'Connection: close\r\n')];
    answer = (socket) => {
      const text = answers.shift() ?? ok('new');
      void (async () => {
        for (const piece of text.match(/[\s\S]{1,9}/g) ?? []) await new Promise((sent) => socket.write(piece, sent));
      })();
    };
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) texts.push((await ask()).text);
    expect([texts, accepted.length]).toEqual([['one', 'abc', '', 'bye'], 1]);
    expect([(await ask()).text, accepted.length]).toEqual(['new', 2]);
  });

  it('uses no connection that the server has closed or that was idle for a minute', async () => {
    answer = (socket) => socket.write(ok('a'));
    await ask();
    const [first] = accepted;
    first?.end();
    await once(first as Socket, 'close');
    expect((await ask({ method: 'POST', body: '{}' })).status).toBe(200);
    expect(accepted.length).toBe(2);
    await clock.advance(50_000);
    await ask();
    expect(accepted.length).toBe(2);
    await clock.advance(60_000);
    await ask();
    expect(accepted.length).toBe(3);
    await expect.poll(() => accepted[1]?.destroyed).toBe(true);
  });

  it('believes a server that says how long it keeps an idle connection', async () => {
    answer = (socket) => socket.write(ok('a', 'Keep-Alive: timeout=5, max=100\r\n'));
    await ask();
    await clock.advance(3_500);
    await ask();
    expect(accepted.length).toBe(1);
    await clock.advance(4_500);
    await ask();
    expect(accepted.length).toBe(2);
  });

  it('gives nobody the rest of an answer that was given up', async () => {
    const stop = new AbortController();
    answer = (socket, text) => {
      if (!text.startsWith('GET /slow')) return void socket.write(ok('mine'));
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart', () => stop.abort(new Error('enough')));
    };
    await expect(ask({ path: '/slow' }, stop.signal)).rejects.toThrow('enough');
    expect([(await ask()).text, accepted.length]).toEqual(['mine', 2]);
    await expect.poll(() => accepted[0]?.destroyed).toBe(true);
  });

  it('sends nothing for who left while the connection was opened, and keeps the connection for the next', async () => {
    answer = (socket) => socket.write(ok('b'));
    const stop = new AbortController();
    const connected = Promise.withResolvers<void>();
    dialled = () => connected.promise;
    const left = ask({ path: '/left' }, stop.signal);
    stop.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    connected.resolve();
    await expect.poll(() => accepted.length).toBe(1);
    await new Promise(setImmediate);
    expect([(await ask()).text, accepted.length, received.includes('/left')]).toEqual(['b', 1, false]);
  });

  it('says that the connection broke when it did, and that an answer is no HTTP when it is none', async () => {
    answer = (socket, text) => void (text.startsWith('GET /cut') ? socket.destroy() : socket.write('SSH-2.0\r\n\r\n'));
    await expect(ask({ path: '/cut' })).rejects.toMatchObject({ code: 'ECONNRESET' });
    const error = await ask().catch((reason: unknown) => reason);
    expect(error).not.toHaveProperty('code');
    expect(String(error)).toContain('not valid HTTP');
  });

  it('retired, finishes what is under way and begins nothing', async () => {
    answer = () => undefined;
    const first = ask();
    await expect.poll(() => received).not.toBe('');
    kept.retire();
    await expect(ask()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    accepted[0]?.write(ok('done'));
    expect((await first).text).toBe('done');
    await expect.poll(() => accepted[0]?.destroyed).toBe(true);
  });

  it('closed, ends what is under way and what is being opened', async () => {
    let asked = 0;
    answer = () => void asked++;
    const first = ask();
    await expect.poll(() => asked).toBe(1);
    const connected = Promise.withResolvers<void>();
    dialled = () => connected.promise;
    const second = ask();
    const ends = Promise.allSettled([first, second]);
    kept.close();
    connected.resolve();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect.poll(() => accepted.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    expect(asked).toBe(1);
  });
});
