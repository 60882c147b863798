// Latency that a proxy adds, at half of the gateway's load: direct, nginx and gateway get the same constant rate, one after the other, in each round.
import { load } from '../load.mjs';
import { appPath, goal, median, openLoop, otherCore, path, rateOf, round, spread, table } from './figures.mjs';

const connections = 64;

export async function latency({ folder, keys, rounds, seconds, targets, upstreamPort }) {
  const { nginx, gateway } = targets;
  const peak = await load({ url: gateway.url, keys, connections, seconds, core: otherCore, folder });
  const rate = rateOf(peak.requests / peak.seconds / 2);
  const ways = [
    { name: 'direct', port: upstreamPort, path: path.slice(appPath.length), samples: [] },
    { name: 'nginx', port: nginx.port, path, samples: [] },
    { name: 'gateway', port: gateway.port, path, samples: [] },
  ];
  for (let i = 0; i < rounds; i++)
    for (const way of ways) {
      const seen = await openLoop(folder, { port: way.port, path: way.path, keys, connections, rate, seconds });
      if (seen.other + seen.broken + seen.shed.n > 0) console.log(`  ${way.name}: ${JSON.stringify(seen)}`);
      way.samples.push({ p50: seen.ok.p50, p99: seen.ok.p99 });
    }
  const [direct] = ways;
  const added = (way, at) => way.samples.map((sample, i) => sample[at] - direct.samples[i][at]);
  table(
    [`at ${rate} requests/s`, 'p50 µs', 'p99 µs', 'added p50 µs', 'added p99 µs'],
    ways.map((way) => [
      way.name,
      spread(way.samples.map(({ p50 }) => p50)),
      spread(way.samples.map(({ p99 }) => p99)),
      way === direct ? '–' : spread(added(way, 'p50')),
      way === direct ? '–' : spread(added(way, 'p99')),
    ]),
  );
  const [, ofNginx, ofGateway] = ways;
  const ms = (way, at) => median(added(way, at)) / 1000;
  const goals = [
    goal('gateway latency added at half load, p50', ms(ofGateway, 'p50'), 'ms', { max: 0.2 }),
    goal('gateway latency added at half load, p50, less nginx’s', ms(ofGateway, 'p50') - ms(ofNginx, 'p50'), 'ms', {
      max: 0,
    }),
    goal('gateway latency added at half load, p99', ms(ofGateway, 'p99'), 'ms', { max: 1 }),
  ];
  return {
    goals,
    results: { rate, added: { nginx: { p50: round(ms(ofNginx, 'p50'), 3), p99: round(ms(ofNginx, 'p99'), 3) } } },
  };
}
