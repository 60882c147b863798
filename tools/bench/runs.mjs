// npm run bench:runs: the run engine beside bare BullMQ on the same store, on Redis and on PostgreSQL, in one run; how long a run waits, alone
// and behind another tenant's long queue; and many followers on one api process. BENCH_ROUNDS (3), BENCH_RUNS (1000), BENCH_FLOOD (10000),
// BENCH_FOLLOWERS (10000) change the length. The last line is one JSON object for scripts.
import { execFile, fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { prepare, root, Stop } from '../setup/steps.mjs';
import { assertAlive, CannotMeasure, cpuSeconds, programPath, start, stopAll } from './processes.mjs';
import { openRunStore } from './runs-store.mjs';

const env = (name, fallback) => Math.max(1, Number(process.env[name] ?? fallback));
const rounds = env('BENCH_ROUNDS', 3);
const runs = env('BENCH_RUNS', 1000);
const flood = env('BENCH_FLOOD', 10_000);
const followers = env('BENCH_FOLLOWERS', 10_000);
/** Of both: slots of the worker, and of the bare one. */
const concurrency = 48;
const installs = 64;
const quietMsMax = 240_000;
const exec = promisify(execFile);

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0;
const round = (value, digits = 2) => Number(value.toFixed(digits));

async function startRedis(port) {
  if (!programPath('redis-server'))
    throw new CannotMeasure('redis-server is not installed (apt-get install redis-server)');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  for (let i = 0; i < 100; i++) {
    if (
      await exec('redis-cli', ['-p', String(port), 'ping']).then(
        ({ stdout }) => stdout.includes('PONG'),
        () => false,
      )
    )
      return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill('SIGKILL') };
    await sleep(50);
  }
  throw new CannotMeasure('redis-server does not answer');
}

function startWorker(store, redis, name) {
  return start(name, undefined, [process.execPath, join(root, 'dist/apps/worker/src/main.js')], {
    NM_DATABASE_URL: store.url,
    NM_MASTER_KEY: store.masterKey,
    NM_EGRESS_ALLOW: '127.0.0.0/8',
    NM_WORKER_CONCURRENCY: String(concurrency),
    NM_TENANT_RUNS_MAX: String(concurrency - 1),
    NM_LOG_LEVEL: 'error',
    NM_DRAIN_MS: '1000',
    ...(redis ? { NM_REDIS_URL: redis.url } : {}),
  });
}

async function end(process_) {
  const ended = new Promise((resolve) => process_.child.once('exit', resolve));
  process_.child.kill('SIGTERM');
  await Promise.race([ended, sleep(5_000)]);
  if (process_.child.exitCode === null) process_.child.kill('SIGKILL');
}

async function until(what, look, everyMs = 50) {
  const endMs = performance.now() + quietMsMax;
  while (!(await look())) {
    if (performance.now() > endMs) throw new CannotMeasure(`${what}: not within ${quietMsMax / 1000} s`);
    await sleep(everyMs);
  }
}

const statusCount = async (store, where) =>
  Number((await store.owner.query(`SELECT count(*) AS n FROM run WHERE ${where}`)).rows[0].n);

/**
 * Runs a second, and CPU of the worker for each, while it empties a queue; every one must have ended well. As of the bare one's jobs the first half only
 * warms it up.
 */
async function ownThroughput(store, tenant, redis) {
  await store.clear();
  await store.copyRuns(tenant, 2 * runs);
  const worker = startWorker(store, redis, 'worker');
  const ended = async () => {
    assertAlive(worker);
    return statusCount(store, 'finished_at IS NOT NULL');
  };
  let warm = 0;
  await until(
    'the first no-op runs',
    async () => {
      warm = await ended();
      return warm >= runs;
    },
    200,
  );
  const warmCpu = cpuSeconds(worker);
  // Counting rows takes from what is measured. The rate comes from the rows themselves.
  await until('no-op runs', async () => (await ended()) === 2 * runs, 500);
  const cpuMs = ((cpuSeconds(worker) - warmCpu) * 1000) / (2 * runs - warm);
  if ((await statusCount(store, `status = 'positive'`)) !== 2 * runs) throw new CannotMeasure('a no-op run failed');
  const { rows } = await store.owner.query(
    `SELECT extract(epoch FROM max(finished_at) - min(finished_at))::float8 AS s
       FROM (SELECT finished_at FROM run ORDER BY finished_at DESC LIMIT $1) measured`,
    [runs + 1],
  );
  await end(worker);
  return { perSecond: runs / rows[0].s, cpuMs };
}

/** A worker that has worked already: what it costs to start is another matter. */
async function warmWorker(store, tenant, redis) {
  await store.clear();
  const worker = startWorker(store, redis, 'worker');
  await store.queueMany(tenant, runs);
  await until('the first runs', async () => {
    assertAlive(worker);
    return (await statusCount(store, 'finished_at IS NOT NULL')) === runs;
  });
  await store.clear();
  return worker;
}

async function bareThroughput(store, redis) {
  const args = redis ? ['redis', redis.url] : ['postgres', store.url];
  const script = join(import.meta.dirname, 'runs-bullmq.mjs');
  const { stdout } = await exec(process.execPath, [script, ...args, String(concurrency), String(runs)], {
    timeout: quietMsMax,
    cwd: root,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)).perSecond;
}

/** Milliseconds from a run's row to its first claim. */
const waitsOf = async (store, where, values = []) =>
  (
    await store.owner.query(
      `SELECT extract(epoch FROM started_at - created_at)::float8 * 1000 AS ms FROM run WHERE started_at IS NOT NULL AND ${where}`,
      values,
    )
  ).rows.map(({ ms }) => ms);

/** Half of what these cores can do when runs are queued and worked on at the same time. */
async function waitAtHalfLoad(store, tenant, redis) {
  const worker = await warmWorker(store, tenant, redis);
  const fullAt = performance.now();
  await store.queueMany(tenant, runs, 16);
  await until('full load', async () => (await statusCount(store, 'finished_at IS NOT NULL')) === runs, 10);
  const perSecond = runs / ((performance.now() - fullAt) / 1000);
  await store.clear();
  const count = Math.min(500, Math.max(50, Math.floor((perSecond / 2) * 8)));
  const gapMs = 1000 / (perSecond / 2);
  const began = performance.now();
  const pending = [];
  for (let i = 0; i < count; i++) {
    const ahead = began + i * gapMs - performance.now();
    if (ahead > 0) await sleep(ahead);
    pending.push(store.queueOne(tenant, i));
  }
  await Promise.all(pending);
  await until('half load', async () => (await statusCount(store, 'finished_at IS NOT NULL')) === count);
  const waits = await waitsOf(store, 'true');
  await end(worker);
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), count, perSecond };
}

async function floodWaits(store, a, b, redis) {
  const worker = await warmWorker(store, b, redis);
  const waits = async (count) => {
    const ids = [];
    for (let i = 0; i < count; i++) {
      const { id } = await store.queueOne(b, i);
      ids.push(id);
      await until(
        'the run of tenant B',
        async () => {
          const { rows } = await store.owner.query('SELECT finished_at FROM run WHERE id = $1', [id]);
          return rows[0]?.finished_at !== null;
        },
        10,
      );
    }
    return waitsOf(store, 'id = ANY($1)', [ids]);
  };
  await waits(3);
  const idle = median(await waits(15));
  await store.copyRuns(a, flood);
  await sleep(2_000);
  const flooded = await waits(15);
  const left = await statusCount(store, `status = 'queued'`);
  await end(worker);
  if (left === 0) throw new CannotMeasure('the flood was over before tenant B was measured: set BENCH_FLOOD higher');
  return { idle, flooded: median(flooded), floodedMax: Math.max(...flooded), left };
}

const memoryMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

async function followMany(store, tenant) {
  await store.clear();
  const topics = 100;
  const ids = [];
  for (let i = 0; i < topics; i++) ids.push((await store.queueOne(tenant, i)).id);
  const port = await store.freePort();
  const api = start('api', 0, [process.execPath, join(root, 'dist/apps/api/src/main.js')], {
    NM_DATABASE_URL: store.url,
    NM_MASTER_KEY: store.masterKey,
    NM_API_PORT: String(port),
    NM_LOG_LEVEL: 'error',
  });
  const read = (path) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${tenant.key}` } });
  await until('the api', async () => {
    assertAlive(api);
    return read(`/v1/runs/${ids[0]}`).then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  const before = memoryMb(api.child.pid);
  const parts = 2;
  const children = Array.from({ length: parts }, (_, i) =>
    fork(join(import.meta.dirname, 'runs-followers.mjs'), [
      ...[String(port), tenant.key, String(Math.floor(followers / parts)), String(10 + i * 10), ids.join(',')],
    ]),
  );
  const messageOf = (child) => new Promise((resolve) => child.once('message', resolve));
  const ask = async () => {
    const answers = children.map(messageOf);
    for (const child of children) child.send('?');
    return Promise.all(answers);
  };
  try {
    const openedAt = performance.now();
    const ready = await Promise.race([Promise.all(children.map(messageOf)), sleep(quietMsMax).then(() => undefined)]);
    if (!ready) throw new CannotMeasure('the followers did not get their streams in time');
    const openMs = performance.now() - openedAt;
    await sleep(3_000);
    const memory = memoryMb(api.child.pid);
    const idleCpu = cpuSeconds(api);
    await sleep(5_000);
    const idle = ((cpuSeconds(api) - idleCpu) / 5) * 100;
    const toldAt = performance.now();
    await store.owner.query(
      `WITH taken AS (UPDATE run SET next_seq = next_seq + 1 WHERE id = ANY($1) RETURNING id, org_id, next_seq - 1 AS seq)
       INSERT INTO run_log (org_id, run_id, seq, at, kind, data) SELECT org_id, id, seq, now(), 'log', '{"line":"heard-by-all"}' FROM taken`,
      [ids],
    );
    const total = () => ask().then((parts_) => parts_.reduce((sum, { heard }) => sum + heard, 0));
    const open = (await ask()).reduce((sum, part) => sum + part.open, 0);
    await until('the event at every follower', async () => (await total()) >= open, 20);
    return { open, openMs, before, memory, heardMs: performance.now() - toldAt, idle };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await end(api);
  }
}

async function main() {
  await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'nm-bench-'));
  let store;
  let redis;
  const clean = async () => {
    await stopAll();
    redis?.stop();
    await store?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('SIGINT', () => void clean().then(() => process.exit(130)));
  try {
    store = await openRunStore(folder);
    redis = await startRedis(await store.freePort());
    const [a, b] = [await store.tenant(installs), await store.tenant(4)];
    report(await measure(store, redis, a, b));
  } finally {
    await clean();
  }
}

async function measure(store, redis, a, b) {
  const samples = { redis: { own: [], bare: [], cpuMs: [] }, postgres: { own: [], bare: [], cpuMs: [] } };
  for (let i = 0; i < rounds; i++)
    for (const backend of ['redis', 'postgres']) {
      const on = backend === 'redis' ? redis : undefined;
      samples[backend].bare.push(await bareThroughput(store, on));
      const { perSecond, cpuMs } = await ownThroughput(store, a, on);
      samples[backend].own.push(perSecond);
      samples[backend].cpuMs.push(cpuMs);
      const figures = [samples[backend].own.at(-1), samples[backend].bare.at(-1)].map((value) => round(value, 0));
      console.log(
        `round ${i + 1} on ${backend}: ${figures[0]} runs/s beside ${figures[1]} bare jobs/s, ${round(cpuMs)} ms of worker CPU a run`,
      );
    }
  const half = await waitAtHalfLoad(store, a, redis);
  console.log(
    `half load on redis: enqueue to start p50 ${round(half.p50)} ms, p99 ${round(half.p99)} ms of ${half.count}, at ${round(half.perSecond / 2, 0)} a second`,
  );
  const flooding = await floodWaits(store, a, b, redis);
  console.log(
    `flood of ${flood}: tenant B starts after ${round(flooding.idle)} ms idle, ${round(flooding.flooded)} ms flooded (${flooding.left} still queued)`,
  );
  const many = await followMany(store, a);
  console.log(
    `${many.open} followers on one api process: ${round(many.memory, 0)} MiB (${round(many.before, 0)} before), opened in ${round(many.openMs / 1000, 1)} s, an event at all of them in ${round(many.heardMs, 0)} ms, ${round(many.idle, 0)} % of a core when quiet`,
  );
  return { samples, half, flooding, many };
}

function report({ samples, half, flooding, many }) {
  const ratio = ({ own, bare }) => round(median(own.map((value, i) => value / bare[i])), 3);
  const goal = (name, value, unit, bar, ok) => ({ name, value, unit, bar, ok });
  const goals = [
    ...Object.entries(samples).map(([backend, figures]) =>
      goal(`no-op throughput beside bare BullMQ on ${backend}`, ratio(figures), 'x', 0.6, ratio(figures) >= 0.6),
    ),
    goal('enqueue to start, p99, half load, redis', round(half.p99), 'ms', 10, half.p99 <= 10),
    goal(
      'start behind a flood beside idle',
      round(flooding.flooded / flooding.idle, 2),
      'x',
      2,
      flooding.flooded <= 2 * flooding.idle,
    ),
    goal('followers on one api process', many.open, 'streams', followers, many.open >= Math.floor(followers / 2) * 2),
  ];
  for (const { name, value, unit, bar, ok } of goals)
    console.log(`${ok ? '✓' : '✗'} ${name}: ${value} ${unit} (bar ${bar})`);
  const machine = { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), load: round(loadavg()[0]) };
  console.log(JSON.stringify({ bench: 'runs', rounds, goals, machine, samples, half, flooding, many }));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CannotMeasure || error instanceof Stop ? error.message : error);
  process.exitCode = 1;
}
