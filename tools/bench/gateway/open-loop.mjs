// A load generator with a constant rate: a request is sent when its time has come, whether or not earlier ones were answered, and its latency counts
// from when it was due. One that has to wait for a free connection has waited (no coordinated omission). One process; prints one JSON line.
// node open-loop.mjs '{"port","path","keys":FILE,"connections","rate","seconds","requests"}'; rate 0: as fast as the answers come. A line of FILE is
// a key, and a path where it has its own. With `requests` it ends after so many.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const {
  port,
  path,
  keys,
  connections,
  rate,
  seconds,
  requests = Number.POSITIVE_INFINITY,
} = JSON.parse(process.argv[2]);
const heads = readFileSync(keys, 'utf8')
  .split('\n')
  .map((line) => line.split(' '))
  .map(([key, own]) =>
    Buffer.from(
      `GET ${own ?? path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nUser-Agent: bench/1.0\r\n\r\n`,
    ),
  );
const settleMs = 3_000;
const endOfHead = Buffer.from('\r\n\r\n');

const free = [];
/** When each waiting request was due. */
const queue = [];
let queued = 0;
const okUs = [];
const shedUs = [];
let [sent, shedWithoutRetry, other, broken] = [0, 0, 0, 0];

function send(connection, dueMs) {
  connection.dueMs = dueMs;
  connection.sentMs = performance.now();
  connection.socket.write(heads[sent++ % heads.length]);
}

/** Called when an answer is whole. */
function answered(connection, status, head) {
  const nowMs = performance.now();
  if (status === 200) okUs.push((nowMs - connection.dueMs) * 1000);
  else if (status === 503) {
    shedUs.push((nowMs - connection.sentMs) * 1000);
    if (!/\r\nretry-after: \d+/i.test(head)) shedWithoutRetry++;
  } else other++;
  connection.dueMs = undefined;
  if (queued < queue.length) send(connection, queue[queued++]);
  else free.push(connection);
}

function onData(connection, chunk) {
  const bytes = connection.rest ? Buffer.concat([connection.rest, chunk]) : chunk;
  connection.rest = bytes;
  const headEnd = bytes.indexOf(endOfHead);
  if (headEnd < 0) return;
  const head = bytes.latin1Slice(0, headEnd);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (bytes.length < headEnd + 4 + length) return;
  connection.rest = undefined;
  answered(connection, Number(head.slice(9, 12)), head);
}

function open() {
  const connection = { socket: connect({ port, host: '127.0.0.1', noDelay: true }), dueMs: undefined, rest: undefined };
  connection.socket.on('data', (chunk) => onData(connection, chunk));
  connection.socket.on('error', () => undefined);
  connection.socket.on('close', () => {
    if (over) return;
    if (connection.dueMs !== undefined) broken++;
    const at = free.indexOf(connection);
    if (at >= 0) free.splice(at, 1);
    open();
  });
  connection.socket.once('connect', () => free.push(connection));
}

let over = false;
for (let i = 0; i < connections; i++) open();
while (free.length < connections) await sleep(5);

const startMs = performance.now();
const total = rate > 0 ? Math.floor(rate * seconds) : Number.POSITIVE_INFINITY;
let due = 0;
await new Promise((resolve) => {
  const step = () => {
    const nowMs = performance.now();
    if (nowMs - startMs >= seconds * 1000 || sent >= requests) return resolve();
    if (rate > 0) {
      for (const now = Math.min(total, ((nowMs - startMs) * rate) / 1000); due < now; due++) {
        const dueMs = startMs + (due * 1000) / rate;
        const connection = free.pop();
        if (connection) send(connection, dueMs);
        else queue.push(dueMs);
      }
      // No timer: its grain of a millisecond would be in every latency. Whoever shares this core preempts a spinning process.
      return setImmediate(step);
    }
    while (free.length > 0) send(free.pop(), nowMs);
    setTimeout(step, 1);
  };
  step();
});
const okInTime = okUs.length;
const waiting = queue.length - queued;
queue.length = queued;
const settledMs = performance.now() + settleMs;
while (free.length < connections && performance.now() < settledMs) await sleep(5);
over = true;

const figures = (values) => {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? null };
};
const [ok, shed] = [figures(okUs), figures(shedUs)];
console.log(
  JSON.stringify({
    offered: rate,
    sent,
    okPerSecond: okInTime / seconds,
    ok,
    shed,
    shedWithoutRetry,
    other,
    broken,
    waiting,
  }),
);
process.exit();
