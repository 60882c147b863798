import { Fault } from '@nm/kernel/fault';
import { describe, expect, it, vi } from 'vitest';
import { openEngine } from '../engine.js';
import type { Again, Answer, Plan, RequestHead, Visit } from '../exchange.js';
import { keeper } from '../test/closers.js';
import { type RawUpstream, rawClient, startRawUpstream } from '../test/raw-peers.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const keep = keeper();

interface Seen {
  /** How each request was opened. */
  readonly opened: string[];
  /** What the upstream got. */
  readonly upstream: RawUpstream;
  /** Nobody may go on as before. */
  refused: boolean;
  target: string;
  /** What the plans of now add for all requests of a kind. */
  shared: Buffer;
  port: number;
  counts: () => { readonly clients: number };
}

/** start is a policy that lets heads be known, and counts in a field of its own. */
async function start(trustedPeers: readonly string[] = []): Promise<Seen> {
  const upstream = keep(
    await startRawUpstream((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n') || soFar.endsWith('body')) socket.write(ok);
    }),
  );
  const now = { refused: false, target: '/t', shared: Buffer.from('X-Shared: 1\r\n') };
  const seen: Seen = { ...now, opened: [], upstream, port: 0, counts: () => ({ clients: 0 }) };
  const refuse = ({ status, code }: Fault): Answer => ({ status, fields: '', body: Buffer.from(code) });
  const filter = { names: ['x-secret'], prefixes: [] };
  const targets = new Map<string, Plan<string>['target']>();
  const targetOf = (path: string) => {
    const target = targets.get(path) ?? { origin: upstream.origin, path };
    targets.set(path, target);
    return target;
  };
  const visit = (head: RequestHead, how: string): Visit<string> => {
    seen.opened.push(`${how} ${head.method} ${head.target} ${head.remoteAddress}`);
    const again: Again<string> = { open: (next) => (seen.refused ? undefined : visit(next, 'again')) };
    const plan: Plan<string> = {
      target: targetOf(seen.target),
      requestFilter: filter,
      requestFields: seen.shared,
      again,
      addToRequest: (out) => out.text(`X-Count: ${seen.opened.length}\r\nX-Asked: ${head.header('x-kept')}\r\n`),
      answerFilter: filter,
      addToAnswer: () => undefined,
      tag: '',
    };
    return { plan: () => plan, refuse, finished: () => undefined };
  };
  const engine = openEngine<string>('net', { trustedPeers });
  const policy = { open: (head: RequestHead) => visit(head, 'anew'), refuse };
  seen.port = await engine.listen({ hosts: ['127.0.0.1'], port: 0, policy });
  seen.counts = () => engine.counts();
  keep({
    close: async () => {
      const closed = engine.closeListeners();
      engine.cutConnections();
      await engine.close();
      await closed;
    },
  });
  return seen;
}

const until = (holds: () => boolean): Promise<boolean> => vi.waitUntil(holds, { timeout: 15_000, interval: 5 });
const answers = (text: string): number => text.split('\r\n\r\nok').length - 1;

/** Sends one request on a connection of its own, and waits for its answer. */
async function send({ port }: Seen, request: string): Promise<void> {
  const client = rawClient(port, request);
  await until(() => answers(client.text()) === 1);
  client.socket.destroy();
}

const head = (more = '', line = 'GET /a?b HTTP/1.1') => `${line}\r\nHost: h\r\nX-Kept: 1\r\nX-Secret: 2\r\n${more}\r\n`;
const received = ({ upstream }: Seen): string => upstream.received.map((_, i) => upstream.text(i)).join('');
const how = ({ opened }: Seen) => opened.map((text) => text.split(' ', 1)[0]);

describe('a head that came before', () => {
  it('is sent on as the first time, with what each request has of its own', async () => {
    const seen = await start();
    for (let i = 0; i < 4; i++) await send(seen, head());
    expect(seen.opened).toEqual(['anew', 'anew', 'again', 'again'].map((word) => `${word} GET /a?b 127.0.0.1`));
    const sent = received(seen).split(/(?<=\r\n\r\n)/);
    const expected = (count: number) => sent[0]?.replace('X-Count: 1', `X-Count: ${count}`);
    expect(sent).toEqual([1, 2, 3, 4].map(expected));
    expect(sent[3]).toMatch(
      /^GET \/t HTTP\/1.1\r\nHost: [^\r]+\r\nX-Kept: 1\r\nVia: [^\r]+\r\nX-Shared: 1\r\nX-Count: 4\r\nX-Asked: 1\r\n\r\n$/,
    );
  });

  it('is remembered as it was sent, though an answer waited before it', async () => {
    const seen = await start();
    for (let i = 0; i < 2; i++) {
      const client = rawClient(seen.port, head('', 'GET /first HTTP/1.1') + head());
      await until(() => answers(client.text()) === 2);
      client.socket.destroy();
    }
    await send(seen, head());
    expect(how(seen)).toEqual(['anew', 'anew', 'anew', 'anew', 'again']);
    const sent = received(seen).split(/(?<=\r\n\r\n)/);
    expect(sent[4]).toBe(sent[1]?.replace('X-Count: 2', 'X-Count: 5'));
  });

  it('is opened anew when the policy says so, and may be known again', async () => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    seen.refused = true;
    await send(seen, head());
    seen.refused = false;
    for (let i = 0; i < 3; i++) await send(seen, head());
    expect(how(seen)).toEqual(['anew', 'anew', 'again', 'anew', 'anew', 'again', 'again']);
    expect(how(seen).at(-1)).toBe('again');
  });

  it('goes where its plan of now says', async () => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    seen.target = '/other';
    await send(seen, head());
    expect(how(seen).at(-1)).toBe('again');
    expect(received(seen)).toMatch(/GET \/other HTTP\/1.1\r\nHost: [^\r]+\r\nX-Kept: 1\r\nVia[^\0]+$/);
  });

  it('says what its plan of now says to all of its kind', async () => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    seen.shared = Buffer.from('X-Shared: 2\r\n');
    await send(seen, head());
    expect(how(seen)).toEqual(['anew', 'anew', 'again', 'again']);
    expect(received(seen).match(/X-Shared: \d/g)).toEqual([1, 1, 1, 2].map((n) => `X-Shared: ${n}`));
  });

  it.each([
    ['the same', head(), 2],
    ['the same four times', head().repeat(4), 5],
    ['another', head('X-Other: 1\r\n'), 2],
    ['content', `${head('Content-Length: 4\r\n', 'POST / HTTP/1.1')}body`, 2],
    ['an empty line and the same', `\r\n${head()}`, 2],
  ])('leaves what follows it as it is: %s', async (_what, more, count) => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    const before = seen.opened.length;
    for (const cut of [0, 1, 2, 20, more.length]) {
      const client = rawClient(seen.port, head() + more.slice(0, cut));
      if (cut < more.length) {
        await until(() => answers(client.text()) === 1);
        client.send(more.slice(cut));
      }
      await until(() => answers(client.text()) === count);
      client.socket.destroy();
    }
    expect(seen.opened.length - before).toBe(5 * count);
  });

  it.each([
    ['in one byte', head().replace('X-Kept: 1', 'X-Kept: 2')],
    ['in case', head().replace('X-Kept', 'x-kept')],
    ['by what follows it', head().replace('\r\n\r\n', '\r\nContent-Length: 4\r\n\r\nbody')],
  ])('is another one when it differs %s', async (_how, other) => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    await send(seen, other);
    expect(how(seen)).toEqual(['anew', 'anew', 'again', 'anew']);
  });

  it.each([
    ['content', `${head('Content-Length: 4\r\n', 'POST / HTTP/1.1')}body`],
    ['an expectation', head('Expect: 100-continue\r\nContent-Length: 0\r\n', 'POST / HTTP/1.1')],
  ])('is not known with %s', async (_what, request) => {
    const seen = await start();
    for (let i = 0; i < 4; i++) await send(seen, request);
    expect(how(seen)).toEqual(['anew', 'anew', 'anew', 'anew']);
  });

  it('is known in pieces too, and behind another', async () => {
    const seen = await start();
    for (let i = 0; i < 3; i++) await send(seen, head());
    const client = rawClient(seen.port, head().slice(0, 20));
    await until(() => seen.counts().clients === 1 && client.socket.bytesWritten === 20);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.send(head().slice(20));
    await until(() => answers(client.text()) === 1);
    client.send(head('X-Other: 1\r\n') + head());
    await until(() => answers(client.text()) === 3);
    client.socket.destroy();
    expect(how(seen)).toEqual(['anew', 'anew', 'again', 'again', 'anew', 'again']);
  });

  it('still closes the connection of who wanted that', async () => {
    const seen = await start();
    for (let i = 0; i < 3; i++) {
      expect(answers(await rawClient(seen.port, head('Connection: close\r\n')).closed)).toBe(1);
    }
    expect(how(seen)).toEqual(['anew', 'anew', 'again']);
  });

  it('is never known where its fields say who sent it', async () => {
    const seen = await start(['127.0.0.1']);
    for (let i = 0; i < 4; i++) await send(seen, head('X-Forwarded-For: 192.0.2.1\r\n'));
    expect(seen.opened).toEqual(Array.from({ length: 4 }, () => 'anew GET /a?b 192.0.2.1'));
  });
});
