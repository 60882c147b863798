// What a connection costs that only stands there: 10,000 of them, each kept alive after one request.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectFlag, openInspector } from '../inspector.mjs';
import { payload } from '../nginx.mjs';
import { answers, CannotMeasure } from '../processes.mjs';
import { startGateway } from '../stage.mjs';
import { goal, otherCore, path, round, table } from './figures.mjs';

const count = 10_000;
const atOnce = 50;
/** Longer than the connections to the upstream are kept. */
const settleMs = 6_000;
const pageBytes = 4_096;

/** rssOf sums a process and its children: nginx serves in one. */
function rssOf(pid) {
  const of = (id) => Number(readFileSync(`/proc/${id}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  const parentOf = (id) => {
    try {
      const text = readFileSync(`/proc/${id}/stat`, 'utf8');
      return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return undefined;
    }
  };
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return [pid, ...children].reduce((sum, id) => sum + of(id), 0);
}

/** hold opens so many connections, has one request answered on each, and keeps them. */
async function hold(port, key, many) {
  const text = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`;
  const sockets = [];
  const one = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      sockets.push(socket);
      let seen = '';
      socket.on('data', (chunk) => {
        seen += chunk.latin1Slice();
        if (!seen.endsWith(payload)) return;
        if (!seen.startsWith('HTTP/1.1 200')) reject(new CannotMeasure(seen.slice(0, 200)));
        seen = '';
        resolve();
      });
      socket.once('error', reject);
      socket.write(text);
    });
  let opened = 0;
  const worker = async () => {
    while (opened < many) {
      opened++;
      await one();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return sockets;
}

async function measure(port, key, look) {
  // The first ones make everything that is made once.
  for (const socket of await hold(port, key, 500)) socket.destroy();
  await sleep(settleMs);
  const before = await look();
  const sockets = await hold(port, key, count);
  await sleep(settleMs);
  const after = await look();
  const standing = sockets.filter((socket) => socket.readyState === 'open').length;
  for (const socket of sockets) socket.destroy();
  if (standing < count * 0.99) throw new CannotMeasure(`only ${standing} of ${count} connections stood`);
  return Object.fromEntries(Object.keys(after).map((name) => [name, (after[name] - before[name]) / standing]));
}

export async function idle({ keys, store, targets }) {
  const port = await store.freePort();
  const gateway = startGateway(otherCore, port, store, { flags: [inspectFlag] });
  const inspector = await openInspector(gateway.child);
  await answers(gateway, `http://127.0.0.1:${port}${path}`, { authorization: `Bearer ${keys[0]}` }, payload);
  const ours = await measure(port, keys[0], async () => {
    const { heap, external } = await inspector.liveBytes();
    return { heap, external, rss: rssOf(gateway.child.pid) };
  });
  const { nginx } = targets;
  const theirs = await measure(nginx.port, keys[0], () => ({ rss: rssOf(nginx.process.child.pid) }));
  inspector.close();
  gateway.child.kill('SIGKILL');
  table(
    [`${count} idle connections`, 'heap B', 'external B', 'RSS B'],
    [
      ['nginx', '–', '–', round(theirs.rss, 0)],
      ['gateway', round(ours.heap, 0), round(ours.external, 0), round(ours.rss, 0)],
    ],
  );
  const goals = [
    goal('gateway memory of an idle connection, heap and external', (ours.heap + ours.external) / 1000, 'KB', {
      max: 6,
    }),
    goal('gateway memory of an idle connection, resident', ours.rss / 1000, 'KB', { max: 6 }),
  ];
  return { goals, results: { ours, nginx: theirs } };
}
