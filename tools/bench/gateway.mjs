// npm run bench:gateway: this gateway with its licence check against Debian's nginx, bare and with auth_request, in one run.
// Rounds are interleaved, so that a machine that gets slower gets slower for all; CPU per request of the proxy is the figure to trust.
// BENCH_ROUNDS (5) and BENCH_SECONDS (4) change the length. The last line is one JSON object for scripts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, Stop } from '../setup/steps.mjs';
import { load, loadTool } from './load.mjs';
import { payload, requireNginx, startAuthProxy, startBareProxy, startUpstream } from './nginx.mjs';
import { answers, assertAlive, CannotMeasure, canPin, cpuSeconds, start, stopAll } from './processes.mjs';
import { openStore, startGateway } from './stage.mjs';

const rounds = Math.max(1, Number(process.env.BENCH_ROUNDS ?? 5));
const seconds = Math.max(1, Number(process.env.BENCH_SECONDS ?? 4));
const warmUpSeconds = 8;
const connections = 64;
const licences = 10_000;
const rotatedKeys = 256;
const proxyCore = 0;
const otherCore = availableParallelism() > 1 ? 1 : 0;
const path = '/kama/acme/guestbook/api/status';

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (value, digits = 2) => (value === undefined ? null : Number(value.toFixed(digits)));

async function openTargets(folder, store, upstreamPort) {
  const ports = [];
  for (let i = 0; i < 4; i++) ports.push(await store.freePort());
  const [barePort, authProxyPort, authPort, gatewayPort] = ports;
  const keysFile = join(folder, 'keys.txt');
  writeFileSync(keysFile, store.keys.join('\n'), { mode: 0o600 });
  const auth = start('auth server', otherCore, [
    process.execPath,
    join(import.meta.dirname, 'auth-server.mjs'),
    keysFile,
    String(authPort),
  ]);
  const targets = [
    { name: 'nginx', process: startBareProxy(proxyCore, folder, barePort, upstreamPort), port: barePort },
    {
      name: 'nginx + auth_request',
      process: startAuthProxy(proxyCore, folder, authProxyPort, upstreamPort, authPort),
      port: authProxyPort,
      checks: true,
      beside: auth,
    },
    { name: 'gateway', process: startGateway(proxyCore, gatewayPort, store), port: gatewayPort, checks: true },
  ];
  for (const target of targets) {
    target.url = `http://127.0.0.1:${target.port}${path}`;
    target.samples = [];
    await answers(target.process, target.url, { authorization: `Bearer ${store.keys[0]}` }, payload);
    const stranger = await fetch(target.url, { headers: { authorization: 'Bearer wrong' } });
    if (target.checks && stranger.status !== 401)
      throw new CannotMeasure(`${target.name} let a stranger in (${stranger.status}): its check is off`);
  }
  return targets;
}

async function measure(target, keys, folder, forSeconds) {
  const before = cpuSeconds(target.process);
  const besideBefore = target.beside ? cpuSeconds(target.beside) : 0;
  const result = await load({ url: target.url, keys, connections, seconds: forSeconds, core: otherCore, folder });
  assertAlive(target.process);
  const perRequest = (cpu) => (cpu * 1e6) / result.requests;
  return {
    cpuUs: perRequest(cpuSeconds(target.process) - before),
    besideUs: target.beside ? perRequest(cpuSeconds(target.beside) - besideBefore) : 0,
    perSecond: result.requests / result.seconds,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
  };
}

const summary = ({ name, samples }) => {
  const of = (field) => round(median(samples.map((sample) => sample[field])), 1);
  return {
    name,
    cpuUs: of('cpuUs'),
    besideUs: of('besideUs'),
    perSecond: of('perSecond'),
    p50Us: of('p50Us'),
    p99Us: of('p99Us'),
  };
};

/** Ratio of two targets, round by round, so that what slowed both does not count. */
const paired = (a, b, field) => median(a.samples.map((sample, i) => sample[field] / b.samples[i][field]));

function report(targets) {
  const [bare, auth, gateway] = targets;
  const results = targets.map(summary);
  const columns = ['proxy', 'CPU µs/request', 'auth server µs', 'requests/s', 'p50 µs', 'p99 µs'];
  const rows = results.map((r) => [r.name, r.cpuUs, r.besideUs || '–', Math.round(r.perSecond), r.p50Us, r.p99Us]);
  const widths = columns.map((head, i) => Math.max(head.length, ...rows.map((row) => String(row[i]).length)));
  const line = (cells) =>
    cells.map((cell, i) => (i ? String(cell).padStart(widths[i]) : String(cell).padEnd(widths[i]))).join('  ');
  console.log(`\n${line(columns)}\n${line(widths.map((width) => '─'.repeat(width)))}`);
  for (const row of rows) console.log(line(row));
  const goal = (name, value, unit, barMax) => ({
    name,
    value: round(value),
    unit,
    bar: barMax ?? null,
    ok: barMax === undefined || value <= barMax,
  });
  const goals = [
    goal('gateway CPU per request', results[2].cpuUs, 'µs'),
    goal('gateway CPU against bare nginx', paired(gateway, bare, 'cpuUs'), '×', 1.35),
    goal('gateway CPU against nginx + auth_request', paired(gateway, auth, 'cpuUs'), '×', 0.8),
    goal('gateway requests per second against bare nginx', paired(gateway, bare, 'perSecond'), '×'),
  ];
  for (const { name, value, unit, bar, ok } of goals)
    console.log(`${name}: ${value} ${unit}${bar === null ? '' : `  (bar ${bar}: ${ok ? 'reached' : 'missed'})`}`);
  const machine = { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), pinned: canPin, load: loadTool };
  console.log(JSON.stringify({ bench: 'gateway', rounds, goals, seconds, connections, licences, machine, results }));
}

async function main() {
  requireNginx();
  await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'nm-bench-'));
  let store;
  const clean = async () => {
    await stopAll();
    await store?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('SIGINT', () => void clean().then(() => process.exit(130)));
  try {
    const { freePort } = await import('../../dist/libs/testing/index.js');
    const upstreamPort = await freePort();
    startUpstream(otherCore, folder, upstreamPort);
    store = await openStore(folder, upstreamPort, licences);
    const targets = await openTargets(folder, store, upstreamPort);
    const keys = store.keys.slice(0, rotatedKeys);
    console.log(
      `${rounds} rounds of ${seconds} s each, ${connections} connections, ${loadTool}; licences: ${licences}`,
    );
    // Until the machine code of all three has settled; every key has been looked up by then.
    for (const target of targets) await measure(target, keys, folder, warmUpSeconds);
    for (let i = 0; i < rounds; i++) {
      for (const target of targets) target.samples.push(await measure(target, keys, folder, seconds));
      console.log(`round ${i + 1}: ${targets.map((t) => `${t.name} ${round(t.samples[i].cpuUs, 1)} µs`).join(', ')}`);
    }
    report(targets);
  } finally {
    await clean();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CannotMeasure || error instanceof Stop ? error.message : error);
  process.exitCode = 1;
}
