// Twice the load that the gateway can do, on many connections: how much good work it still does, and how soon it says no to the rest.
import { goal, median, openLoop, path, rateOf, round, spread, table } from './figures.mjs';

const fewConnections = 64;
const manyConnections = 1_000;

export async function overload({ folder, keys, rounds, seconds, targets }) {
  const ways = [targets.nginx, targets.gateway].map((target) => ({
    name: target.name,
    port: target.port,
    samples: [],
  }));
  for (let i = 0; i < rounds; i++)
    for (const way of ways) {
      const at = { port: way.port, path, keys, seconds };
      const peak = (await openLoop(folder, { ...at, connections: fewConnections, rate: 0 })).okPerSecond;
      const twice = await openLoop(folder, { ...at, connections: manyConnections, rate: rateOf(peak * 2) });
      way.samples.push({ peak, ...twice, share: (twice.okPerSecond / peak) * 100 });
    }
  const of = (way, pick) => way.samples.map(pick).filter((value) => value !== null);
  const times = (values) => (values.length > 0 ? spread(values.map((us) => us / 1000)) : '–');
  table(
    ['offered 2×', 'peak/s', 'good/s', '% of peak', 'shed', 'shed p50 ms', 'shed p99 ms', 'good p50 ms', 'good p99 ms'],
    ways.map((way) => [
      way.name,
      spread(
        of(way, ({ peak }) => peak),
        0,
      ),
      spread(
        of(way, ({ okPerSecond }) => okPerSecond),
        0,
      ),
      spread(of(way, ({ share }) => share)),
      spread(
        of(way, ({ shed }) => shed.n),
        0,
      ),
      times(of(way, ({ shed }) => shed.p50)),
      times(of(way, ({ shed }) => shed.p99)),
      times(of(way, ({ ok }) => ok.p50)),
      times(of(way, ({ ok }) => ok.p99)),
    ]),
  );
  const [, gateway] = ways;
  const shedP50 = of(gateway, ({ shed }) => shed.p50);
  const without = gateway.samples.reduce((sum, { shedWithoutRetry }) => sum + shedWithoutRetry, 0);
  const goals = [
    goal('gateway goodput at twice its capacity', median(of(gateway, ({ share }) => share)), '% of peak', { min: 90 }),
    goal('gateway refusals without Retry-After', without, '', { max: 0 }),
    ...(shedP50.length > 0
      ? [goal('gateway time to refuse at twice its capacity, p50', median(shedP50) / 1000, 'ms', { max: 5 })]
      : []),
  ];
  const results = ways.map(({ name, samples }) => ({ name, share: samples.map(({ share }) => round(share, 1)) }));
  return { goals, results };
}
