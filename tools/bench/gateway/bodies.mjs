// CPU for each megabyte of large answers, against nginx with buffers that fit (its defaults would be an unfair opponent) and without buffering.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '../load.mjs';
import { startBareProxy, startUpstream } from '../nginx.mjs';
import { answers, assertAlive, cpuSeconds } from '../processes.mjs';
import { appPath, goal, median, otherCore, proxyCore, spread, table } from './figures.mjs';
import { warmUp } from './warm-up.mjs';

const sizes = { '100 KB': 100_000, '1 MB': 1_000_000 };
const warmUpRequests = { '100 KB': 40_000, '1 MB': 4_000 };
const connections = 16;
const tuned = 'proxy_buffer_size 64k;\n      proxy_buffers 16 64k;\n      proxy_busy_buffers_size 128k;';
const unbuffered =
  'proxy_buffering off;\n      proxy_buffer_size 32k;\n      proxy_buffers 8 32k;\n      proxy_busy_buffers_size 64k;';

async function measure(way, name, key, folder, seconds) {
  const before = cpuSeconds(way.process);
  const url = `${way.url}/files/${sizes[name]}`;
  const { requests, seconds: took } = await load({ url, keys: [key], connections, seconds, core: otherCore, folder });
  assertAlive(way.process);
  const megabytes = (requests * sizes[name]) / 1e6;
  return { cpuUs: ((cpuSeconds(way.process) - before) * 1e6) / megabytes, perSecond: megabytes / took };
}

export async function bodies({ folder, keys, rounds, seconds, store, targets, useUpstream }) {
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true, mode: 0o755 });
  for (const bytes of Object.values(sizes)) writeFileSync(join(files, String(bytes)), 'b'.repeat(bytes));
  const [upstreamPort, tunedPort, unbufferedPort] = [
    await store.freePort(),
    await store.freePort(),
    await store.freePort(),
  ];
  startUpstream(otherCore, folder, upstreamPort, files);
  const opponents = [
    {
      name: 'nginx, 16 × 64k',
      process: startBareProxy(proxyCore, folder, tunedPort, upstreamPort, tuned),
      port: tunedPort,
    },
    {
      name: 'nginx, unbuffered',
      process: startBareProxy(proxyCore, folder, unbufferedPort, upstreamPort, unbuffered),
      port: unbufferedPort,
    },
  ];
  await useUpstream(upstreamPort);
  const ways = [...opponents, { ...targets.gateway, name: 'gateway' }];
  const authorization = { authorization: `Bearer ${keys[0]}` };
  for (const way of ways) {
    way.url = `http://127.0.0.1:${way.port}${appPath}`;
    way.samples = Object.fromEntries(Object.keys(sizes).map((name) => [name, []]));
    await answers(way.process, `${way.url}/files/${sizes['100 KB']}`, authorization, 'b'.repeat(sizes['100 KB']));
  }
  for (const way of ways)
    for (const [name, requests] of Object.entries(warmUpRequests))
      await warmUp(way, { keys, folder }, { url: `${way.url}/files/${sizes[name]}`, requests, connections });
  for (let i = 0; i < rounds; i++)
    for (const name of Object.keys(sizes))
      for (const way of ways) way.samples[name].push(await measure(way, name, keys[0], folder, seconds));
  table(
    ['CPU µs per MB', ...Object.keys(sizes).flatMap((name) => [name, `${name}: MB/s`])],
    ways.map((way) => [
      way.name,
      ...Object.keys(sizes).flatMap((name) => [
        spread(
          way.samples[name].map(({ cpuUs }) => cpuUs),
          0,
        ),
        spread(
          way.samples[name].map(({ perSecond }) => perSecond),
          0,
        ),
      ]),
    ]),
  );
  const [buffered, direct, gateway] = ways;
  const ratio = (other, name) =>
    median(gateway.samples[name].map(({ cpuUs }, i) => cpuUs / other.samples[name][i].cpuUs));
  const goals = Object.keys(sizes).flatMap((name) => [
    goal(`gateway CPU per MB of ${name} bodies against nginx with tuned buffers`, ratio(buffered, name), '×', {
      max: 1.25,
    }),
    goal(`gateway CPU per MB of ${name} bodies against nginx without buffering`, ratio(direct, name), '×'),
  ]);
  return { goals, results: ways.map(({ name, samples }) => ({ name, samples })) };
}
