// npm run bench:k8kat: K8Kat against the stock client-node and kubernetes-fluent-client, in one run, on a synthetic API server with 10,000
// pods and on the real one of kubelab. Each measurement is a process of its own; rounds are interleaved, so that a machine that gets slower
// gets slower for all. BENCH_ROUNDS (5) changes the length. The last line is one JSON object for scripts.
import { execFile, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepare, root, Stop } from '../setup/steps.mjs';
import { CannotMeasure } from './processes.mjs';

const rounds = Math.max(1, Number(process.env.BENCH_ROUNDS ?? 5));
const run = promisify(execFile);
const clients = ['k8kat', 'client-node', 'fluent-client'];
const labels = {
  list: '10,000 pods, label and status filter: ms',
  peak: '  peak memory of the process: MiB',
  all: '10,000 pods, all kept: ms',
  allPeak: '  peak memory of the process: MiB',
  reads: '300 reads in a row, synthetic: ms',
  connections: '  TLS connections opened',
  realReads: '300 reads in a row, kubelab: ms',
  first: 'first result of all 10,000: share of the total',
};

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (value, digits = 2) => Number(value.toFixed(digits));

const messageFrom = (child) =>
  new Promise((resolve, reject) => {
    const onExit = (code) => reject(new CannotMeasure(`the synthetic API server ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });

async function startServer(folder) {
  const { selfSigned } = await import('../../libs/testing/certificates.ts');
  const certified = await selfSigned('api', { ip: ['127.0.0.1'] });
  const child = fork(join(import.meta.dirname, 'k8kat-server.mjs'));
  child.send(certified);
  const { port, bytes } = await messageFrom(child);
  const kubeconfig = join(folder, 'kubeconfig');
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(certified.certificate).toString('base64'),
  };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 'bench' } }],
    }),
    { mode: 0o600 },
  );
  const connections = async () => {
    child.send('connections');
    return (await messageFrom(child)).connections;
  };
  return { kubeconfig, bytes, connections, stop: () => child.kill() };
}

async function startKubelab() {
  const kubelab = join(root, 'tools/kubelab/main.ts');
  if (process.env.NM_TEST_KUBECONFIG)
    return { kubeconfig: process.env.NM_TEST_KUBECONFIG, stop: async () => undefined };
  const name = `bench-${process.pid}`;
  const up = ['up', '--name', name, '--ephemeral', '--owner-pid', String(process.pid), '--json'];
  try {
    await run(process.execPath, [kubelab, 'build'], { maxBuffer: 2 ** 26 });
    const { stdout } = await run(process.execPath, [kubelab, ...up], { maxBuffer: 2 ** 26 });
    const { kubeconfigPath } = JSON.parse(stdout.trim().split('\n').at(-1));
    const stop = () => run(process.execPath, [kubelab, 'down', '--name', name, '--wipe']).catch(() => undefined);
    return { kubeconfig: kubeconfigPath, stop };
  } catch (error) {
    throw new CannotMeasure(
      `kubelab did not start (npm run kubelab -- up shows why): ${String(error.message).split('\n')[0]}`,
    );
  }
}

async function measure(client, scenario, kubeconfig) {
  const script = join(import.meta.dirname, 'k8kat-client.mjs');
  try {
    const { stdout } = await run(process.execPath, [script, client, scenario, kubeconfig], { timeout: 300_000 });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch (error) {
    throw new CannotMeasure(
      `${client} failed at ${scenario}: ${String(error.stderr ?? error)
        .split('\n')
        .slice(0, 6)
        .join(' ')}`,
    );
  }
}

async function oneRound(server, kubelab, samples) {
  for (const client of clients) {
    const own = samples[client];
    const listed = await measure(client, 'list', server.kubeconfig);
    if (listed.found !== 500) throw new CannotMeasure(`${client} found ${listed.found} pods instead of 500`);
    own.list.push(listed.ms);
    own.peak.push(listed.peakMb);
    const kept = await measure(client, 'all', server.kubeconfig);
    own.all.push(kept.ms);
    own.allPeak.push(kept.peakMb);
    const before = await server.connections();
    own.reads.push((await measure(client, 'reads', server.kubeconfig)).ms);
    own.connections.push((await server.connections()) - before);
    own.realReads.push((await measure(client, 'realReads', kubelab.kubeconfig)).ms);
    if (client === 'k8kat') own.first.push((await measure(client, 'stream', server.kubeconfig)).share);
  }
}

/** Round by round, so that what slowed both does not count. */
const paired = (samples, a, b, figure) => median(samples[a][figure].map((value, i) => value / samples[b][figure][i]));

function report(samples, bytes) {
  const columns = ['', ...clients];
  const rows = Object.entries(labels).map(([figure, label]) => [
    label,
    ...clients.map((client) => {
      const values = samples[client][figure];
      return values.length ? String(round(median(values), figure === 'first' ? 3 : 0)) : '–';
    }),
  ]);
  const widths = columns.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
  console.log(`\n${line(columns)}\n${line(widths.map((width) => '─'.repeat(width)))}`);
  for (const row of rows) console.log(line(row));
  const goal = (name, value, unit, bar, isOk) => ({ name, value: round(value, 3), unit, bar, ok: isOk(value, bar) });
  const atLeast = (value, bar) => value >= bar;
  const atMost = (value, bar) => value <= bar;
  const reads = ['reads', 'realReads'].map((figure) => paired(samples, 'client-node', 'k8kat', figure));
  const goals = [
    goal(
      'speed of a filtered list against client-node',
      paired(samples, 'client-node', 'k8kat', 'list'),
      '×',
      2,
      atLeast,
    ),
    goal(
      'peak memory of a filtered list against client-node',
      paired(samples, 'k8kat', 'client-node', 'peak'),
      '×',
      0.5,
      atMost,
    ),
    goal('speed of 300 reads in a row against client-node, synthetic', reads[0], '×', 3, atLeast),
    goal('speed of 300 reads in a row against client-node, kubelab', reads[1], '×', 3, atLeast),
    goal('first result of a full list, share of its total', median(samples.k8kat.first), '×', 0.1, atMost),
  ];
  console.log();
  for (const { name, value, unit, bar, ok } of goals)
    console.log(`${ok ? '✓' : '✗'} ${name}: ${value} ${unit} (bar ${bar})`);
  const machine = { cpu: cpus()[0]?.model.trim(), cores: availableParallelism() };
  console.log(JSON.stringify({ bench: 'k8kat', rounds, goals, pods: 10_000, listBytes: bytes, machine, samples }));
}

async function main() {
  await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'nm-bench-'));
  let server;
  let kubelab;
  const clean = async () => {
    server?.stop();
    await kubelab?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('SIGINT', () => void clean().then(() => process.exit(130)));
  try {
    server = await startServer(folder);
    kubelab = await startKubelab();
    const figures = Object.keys(labels);
    const empty = () =>
      Object.fromEntries(clients.map((client) => [client, Object.fromEntries(figures.map((f) => [f, []]))]));
    console.log(
      `${rounds} rounds, after one that does not count; a list of all pods is ${round(server.bytes / 2 ** 20, 1)} MiB`,
    );
    await oneRound(server, kubelab, empty());
    const samples = empty();
    for (let i = 0; i < rounds; i++) {
      await oneRound(server, kubelab, samples);
      console.log(
        `round ${i + 1}: ${clients.map((client) => `${client} ${round(samples[client].list[i], 0)} ms`).join(', ')}`,
      );
    }
    report(samples, server.bytes);
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
