// npm run bench:gateway [-- --part cpu,latency,overload,directory,idle,bodies,cores]: this gateway with its licence check against Debian's nginx.
// Rounds are interleaved, so that a machine that gets slower gets slower for all. BENCH_ROUNDS (5) and BENCH_SECONDS (4) change the length.
// Each part prints a table; the last line is one JSON object for scripts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, Stop } from '../setup/steps.mjs';
import { bodies } from './gateway/bodies.mjs';
import { cores } from './gateway/cores.mjs';
import { cpu } from './gateway/cpu.mjs';
import { directory } from './gateway/directory.mjs';
import { otherCore, path, proxyCore } from './gateway/figures.mjs';
import { idle } from './gateway/idle.mjs';
import { latency } from './gateway/latency.mjs';
import { overload } from './gateway/overload.mjs';
import { warmUp } from './gateway/warm-up.mjs';
import { loadTool } from './load.mjs';
import { payload, requireNginx, startAuthProxy, startBareProxy, startUpstream } from './nginx.mjs';
import { answers, CannotMeasure, canPin, start, stopAll } from './processes.mjs';
import { openStore, startGateway } from './stage.mjs';

const parts = { cpu, latency, overload, directory, idle, bodies, cores };
const rounds = Math.max(1, Number(process.env.BENCH_ROUNDS ?? 5));
const seconds = Math.max(1, Number(process.env.BENCH_SECONDS ?? 4));
const licences = 10_000;
const rotatedKeys = 256;

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    /** The build is known to be current: nothing of it is replaced. */
    prepared: { type: 'boolean', default: false },
  },
});

function chosenParts() {
  const names = options.part?.split(',') ?? Object.keys(parts);
  const unknown = names.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new Stop(`There is no part "${unknown}". Parts: ${Object.keys(parts).join(', ')}.`);
  return names;
}

const startRelay = (port, upstreamPort) =>
  start('byte relay', proxyCore, [
    process.execPath,
    join(import.meta.dirname, 'relay.mjs'),
    String(port),
    String(upstreamPort),
  ]);

async function openTargets(folder, store, upstreamPort) {
  const ports = [];
  for (let i = 0; i < 5; i++) ports.push(await store.freePort());
  const [barePort, authProxyPort, authPort, gatewayPort, relayPort] = ports;
  const keysFile = join(folder, 'keys.txt');
  writeFileSync(keysFile, store.keys.join('\n'), { mode: 0o600 });
  const auth = start('auth server', otherCore, [
    process.execPath,
    join(import.meta.dirname, 'auth-server.mjs'),
    keysFile,
    String(authPort),
  ]);
  const targets = {
    nginx: { name: 'nginx', process: startBareProxy(proxyCore, folder, barePort, upstreamPort), port: barePort },
    auth: {
      name: 'nginx + auth_request',
      process: startAuthProxy(proxyCore, folder, authProxyPort, upstreamPort, authPort),
      port: authProxyPort,
      checks: true,
      beside: auth,
    },
    gateway: { name: 'gateway', process: startGateway(proxyCore, gatewayPort, store), port: gatewayPort, checks: true },
    relay: { name: 'byte relay (node:net)', process: startRelay(relayPort, upstreamPort), port: relayPort },
  };
  for (const target of Object.values(targets)) {
    target.url = `http://127.0.0.1:${target.port}${path}`;
    await answers(target.process, target.url, { authorization: `Bearer ${store.keys[0]}` }, payload);
    const stranger = await fetch(target.url, { headers: { authorization: 'Bearer wrong' } });
    if (target.checks && stranger.status !== 401)
      throw new CannotMeasure(`${target.name} let a stranger in (${stranger.status}): its check is off`);
  }
  return targets;
}

function report(goals, results) {
  console.log('');
  for (const { name, value, unit, bar, ok } of goals)
    console.log(`${name}: ${value} ${unit}${bar === null ? '' : `  (bar ${bar}: ${ok ? 'reached' : 'missed'})`}`);
  const machine = { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), pinned: canPin, load: loadTool };
  console.log(JSON.stringify({ bench: 'gateway', rounds, goals, seconds, licences, machine, results }));
}

/** Runs the chosen parts, each with the gateways and proxies that it shares with the others, and its own. */
async function measure(names, folder, store, upstreamPort) {
  const targets = await openTargets(folder, store, upstreamPort);
  const keys = store.keys.slice(0, rotatedKeys);
  const useUpstream = (port) => store.moveInstance(`127.0.0.1:${port}`);
  const world = { folder, keys, rounds, seconds, store, targets, upstreamPort, useUpstream };
  console.log(`${names.join(', ')}: ${rounds} rounds of ${seconds} s each, ${loadTool}; licences: ${licences}`);
  // Every key has been looked up by then.
  for (const target of Object.values(targets)) {
    const { requests, firstUs, lastUs } = await warmUp(target, world);
    console.log(`warm-up: ${target.name}: ${requests} requests, ${firstUs.toFixed(1)} to ${lastUs.toFixed(1)} µs`);
  }
  const goals = [];
  const results = {};
  for (const name of names) {
    console.log(`\n== ${name}`);
    const found = await parts[name](world);
    goals.push(...found.goals);
    results[name] = found.results;
    await useUpstream(upstreamPort);
  }
  report(goals, results);
}

async function main() {
  const names = chosenParts();
  requireNginx();
  if (!options.prepared) await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'nm-bench-'));
  let store;
  const clean = async () => {
    await stopAll();
    await store?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void clean().then(() => process.exit(130)));
  try {
    const { freePort } = await import('../../dist/libs/testing/index.js');
    const upstreamPort = await freePort();
    startUpstream(otherCore, folder, upstreamPort);
    store = await openStore(folder, upstreamPort, licences);
    await measure(names, folder, store, upstreamPort);
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
