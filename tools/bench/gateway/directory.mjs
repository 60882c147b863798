// From 100 to 100,000 licences, each with an app of its own: CPU per request when all of them are asked for in turn, and what one of them takes.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectFlag, openInspector } from '../inspector.mjs';
import { load } from '../load.mjs';
import { payload } from '../nginx.mjs';
import { answers, assertAlive, CannotMeasure, cpuSeconds, start } from '../processes.mjs';
import { gatewayEnv } from '../stage.mjs';
import { goal, median, openLoop, otherCore, proxyCore, round, spread, table } from './figures.mjs';

const few = 100;
const many = 100_000;
/** An app has many licences: what one of them takes is seen best when few apps are there. */
const sharing = 20_000;
const sharedApps = 100;
const connections = 64;
const loadSecondsMax = 240;

async function open({ folder, store, upstreamPort }, licences, apps) {
  const port = await store.freePort();
  const file = join(folder, `stock-${licences}-${apps}.txt`);
  const script = join(import.meta.dirname, 'stocked.mjs');
  const command = [
    process.execPath,
    inspectFlag,
    script,
    String(licences),
    String(apps),
    file,
    `127.0.0.1:${upstreamPort}`,
  ];
  const process_ = start(`gateway with ${licences}`, proxyCore, command, gatewayEnv(port, store));
  const inspector = await openInspector(process_.child);
  const way = {
    name: `${licences} licences`,
    licences,
    process: process_,
    port,
    url: `http://127.0.0.1:${port}/`,
    inspector,
    samples: [],
  };
  const stranger = { url: `http://127.0.0.1:${port}/nowhere` };
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 100));
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  // Its own routes are there before any licence is known.
  for (let i = 0; ; i++) {
    assertAlive(process_);
    if (
      await fetch(stranger.url).then(
        () => true,
        () => false,
      )
    )
      break;
    if (i > 600) throw new CannotMeasure('the stocked gateway does not listen');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  way.keys = lines.map(([key]) => key);
  way.paths = lines.map(([, path]) => path);
  return way;
}

/** stock has every licence asked for once. @returns bytes that each takes, after a collection */
async function stock(way, folder) {
  const before = await way.inspector.liveBytes();
  const keys = way.keys.map((key, i) => `${key} ${way.paths[i]}`);
  const seen = await openLoop(folder, {
    port: way.port,
    path: '/',
    keys,
    connections,
    rate: 0,
    seconds: loadSecondsMax,
    requests: way.licences,
  });
  if (seen.sent < way.licences || seen.other + seen.broken + seen.shed.n > 0)
    throw new CannotMeasure(`${way.name} could not be loaded: ${JSON.stringify(seen)}`);
  const after = await way.inspector.liveBytes();
  return {
    heap: (after.heap - before.heap) / way.licences,
    external: (after.external - before.external) / way.licences,
  };
}

async function measure(way, folder, seconds) {
  const before = cpuSeconds(way.process);
  const { keys, url, paths } = way;
  const result = await load({ url, keys, pathOf: (i) => paths[i], connections, seconds, core: otherCore, folder });
  assertAlive(way.process);
  return ((cpuSeconds(way.process) - before) * 1e6) / result.requests;
}

async function takenByOne(world) {
  const way = await open(world, sharing, sharedApps);
  const taken = await stock(way, world.folder);
  way.inspector.close();
  way.process.child.kill('SIGTERM');
  return taken;
}

export async function directory(world) {
  const { folder, rounds, seconds } = world;
  const ways = [await open(world, few, few), await open(world, many, many)];
  for (const way of ways) {
    const authorization = { authorization: `Bearer ${way.keys[0]}` };
    way.taken = await stock(way, folder);
    await answers(way.process, new URL(way.paths[0], way.url), authorization, payload);
  }
  for (const way of ways) await measure(way, folder, seconds * 2);
  for (let i = 0; i < rounds; i++) for (const way of ways) way.samples.push(await measure(way, folder, seconds));
  const [small, large] = ways;
  const shared = await takenByOne(world);
  table(
    ['in the directory', 'CPU µs/request', 'heap B each', 'external B each'],
    ways.map((way) => [
      way.name,
      spread(way.samples),
      way === small ? '–' : round(way.taken.heap, 0),
      way === small ? '–' : round(way.taken.external, 0),
    ]),
  );
  console.log(
    `${sharing} licences of ${sharedApps} apps: ${round(shared.heap, 0)} B of heap each, ${round(shared.external, 0)} outside`,
  );
  const slower = median(large.samples.map((cpuUs, i) => cpuUs / small.samples[i]));
  for (const way of ways) {
    way.inspector.close();
    way.process.child.kill('SIGTERM');
  }
  const goals = [
    goal('gateway CPU per request with 100,000 licences against 100', slower, '×', { max: 1.05 }),
    goal('gateway memory of a licence', (shared.heap + shared.external) / 1024, 'KiB', { max: 10 }),
    goal(
      'gateway memory of a licence with an app, a version and three rules of its own',
      (large.taken.heap + large.taken.external) / 1024,
      'KiB',
    ),
  ];
  return { goals, results: { shared, ways: ways.map(({ name, taken, samples }) => ({ name, taken, samples })) } };
}
