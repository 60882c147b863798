// What clients do to a gateway, well and badly. Each habit is one visit: it ends by itself, and leaves no socket open.
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const base = '/kama/acme/guestbook';
const block = Buffer.alloc(16 * 1024, 'y');
const visitMsMax = 15_000;

export const pick = (list) => list[Math.floor(Math.random() * list.length)];
const upTo = (ms) => sleep(Math.random() * ms);

/** @returns visit(): one visit of a random kind; steady(): a good one by a licence that nothing happens to; counts; close() */
export function openClients({ port, keys, steadyKeys }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const counts = { visits: 0, steady: 0, steadyFailed: 0 };
  const statuses = {};
  const head = (method, path, more = '', key = pick(keys)) =>
    `${method} ${base}${path} HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer ${key}\r\n${more}\r\n`;

  /** An ordinary request; resolves with its status, 0 when the connection broke. */
  const call = (path, { key = pick(keys), method = 'GET', body } = {}) =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${key}`, ...(body ? { 'content-length': body.length } : {}) };
      const asked = request({ port, host: '127.0.0.1', path: base + path, method, headers, agent }, (response) => {
        response.on('error', () => undefined).resume();
        response.once('close', () => resolve(response.complete ? response.statusCode : 0));
      });
      asked.setTimeout(visitMsMax, () => asked.destroy());
      asked.once('error', () => resolve(0)).end(body);
    });

  /** A connection by hand; `use` is over when the visit is. */
  const by = async (use) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    try {
      await Promise.race([use(socket, closed), closed, sleep(visitMsMax, undefined, { ref: false })]);
    } finally {
      if (Math.random() < 0.3) socket.resetAndDestroy();
      else socket.destroy();
    }
  };
  const chunked = 'Transfer-Encoding: chunked\r\n';
  const length = (bytes) => `Content-Length: ${bytes}\r\n`;

  const habits = {
    get: () => call('/ok'),
    wait: () => call('/wait?ms=300'),
    big: () => call('/big?kb=900'),
    bye: () => call('/bye'),
    upload: () => call('/take', { method: 'POST', body: Buffer.alloc(200_000, 'z') }),
    stranger: () => call('/ok', { key: 'nml_wrong' }),
    resetUpstream: () => call(pick(['/reset', '/refuse'])),
    early: () => call('/early', { method: 'POST', body: Buffer.alloc(600_000, 'z') }),
    vanishesWaiting: () =>
      by(async (socket) => {
        socket.write(head('GET', pick(['/wait?ms=2000', '/silent', '/stall'])));
        await upTo(600);
      }),
    vanishesAtOnce: () => by(async (socket) => void socket.write(head('GET', '/wait?ms=500'))),
    vanishesReading: () =>
      by(async (socket) => {
        socket.resume().write(head('GET', '/big?kb=20000'));
        await upTo(200);
      }),
    vanishesSending: () =>
      by(async (socket) => {
        socket.write(head('POST', '/take', pick([chunked, length(5_000_000)])));
        for (let i = 0; i < 5; i++) {
          socket.write('4000\r\n');
          socket.write(block);
          socket.write('\r\n');
          await upTo(40);
        }
      }),
    slowUpstream: () =>
      by(async (socket) => {
        socket.resume().write(head('POST', '/sip', length(2_000_000)));
        socket.write(Buffer.alloc(2_000_000, 'w'));
        await upTo(3_000);
      }),
    closesHalf: () =>
      by((socket, closed) => {
        socket.resume().end(head('GET', '/wait?ms=400'));
        return closed;
      }),
    halfHead: () =>
      by(async (socket) => {
        socket.resume().write(head('GET', '/ok').slice(0, -20));
        await upTo(4_000);
      }),
    slowLoris: () =>
      by(async (socket, closed) => {
        socket.resume();
        for (const byte of head('GET', '/ok')) {
          socket.write(byte);
          if ((await Promise.race([closed.then(() => true), sleep(150)])) === true) return;
        }
      }),
    opensOnly: () => by(() => upTo(4_000)),
    slowReader: () =>
      by(async (socket) => {
        let bytes = 0;
        socket.on('data', (chunk) => {
          bytes += chunk.length;
          socket.pause();
          setTimeout(() => socket.resume(), 10);
        });
        socket.write(head('GET', '/big?kb=6000', pick(['', 'Connection: close\r\n'])));
        await upTo(6_000);
        return bytes;
      }),
    readsNothing: () =>
      by(async (socket) => {
        socket.pause().write(head('GET', '/big?kb=64').repeat(50));
        await upTo(3_000);
      }),
    nonsense: () =>
      by((socket, closed) => {
        socket.resume().write(pick(['NONSENSE\r\n\r\n', head('GET', '/ok', `${length(1)}${chunked}`), '\x16\x03\x01']));
        return closed;
      }),
    badChunks: () =>
      by((socket, closed) => {
        socket.resume().write(`${head('POST', '/take', chunked)}zz\r\n`);
        return closed;
      }),
    events: () =>
      by(async (socket) => {
        socket.resume().write(head('GET', '/events'));
        await upTo(5_000);
      }),
    webSocket: () => talk(pick(['/ws', '/ws', '/ws-drop'])),
  };

  /** A WebSocket that echoes for a while and is closed, or dropped without a word. */
  const talk = async (path) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${base}${path}`, {
      headers: { authorization: `Bearer ${pick(keys)}` },
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).on('open', () => socket.send('hello'));
    socket.on('message', () => setTimeout(() => socket.readyState === WebSocket.OPEN && socket.send('again'), 100));
    await Promise.race([closed, upTo(4_000)]);
    if (Math.random() < 0.5) socket.close();
    else socket.terminate();
    await Promise.race([closed, sleep(1_000).then(() => socket.terminate())]);
  };

  const kinds = Object.keys(habits);
  return {
    counts,
    statuses,
    async visit() {
      const status = await habits[pick(kinds)]();
      counts.visits++;
      if (typeof status === 'number' && status < 600) statuses[status] = (statuses[status] ?? 0) + 1;
    },
    async steady() {
      const status = await call('/ok', { key: pick(steadyKeys) });
      counts.steady++;
      if (status !== 200) counts.steadyFailed++;
    },
    close: () => agent.destroy(),
  };
}
