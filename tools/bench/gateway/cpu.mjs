// CPU per request: this gateway with its licence check against nginx, bare and with auth_request; and what Node costs that only passes bytes on.
import { load } from '../load.mjs';
import { assertAlive, cpuSeconds } from '../processes.mjs';
import { goal, median, otherCore, round, table } from './figures.mjs';

const connections = 64;

async function measure(target, { keys, folder }, seconds) {
  const before = cpuSeconds(target.process);
  const besideBefore = target.beside ? cpuSeconds(target.beside) : 0;
  const result = await load({ url: target.url, keys, connections, seconds, core: otherCore, folder });
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

export async function cpu(world) {
  const { rounds, seconds } = world;
  const targets = Object.values(world.targets).map((target) => ({ ...target, samples: [] }));
  for (let i = 0; i < rounds; i++) {
    for (const target of targets) target.samples.push(await measure(target, world, seconds));
    console.log(`round ${i + 1}: ${targets.map((t) => `${t.name} ${round(t.samples[i].cpuUs, 1)} µs`).join(', ')}`);
  }
  const [bare, auth, gateway, relay] = targets;
  const results = targets.map(summary);
  table(
    ['proxy', 'CPU µs/request', 'auth server µs', 'requests/s', 'p50 µs', 'p99 µs'],
    results.map((r) => [r.name, r.cpuUs, r.besideUs || '–', Math.round(r.perSecond), r.p50Us, r.p99Us]),
  );
  const goals = [
    goal('gateway CPU per request', results[2].cpuUs, 'µs'),
    goal('gateway CPU against bare nginx', paired(gateway, bare, 'cpuUs'), '×', { max: 1.35 }),
    goal('gateway CPU against nginx + auth_request', paired(gateway, auth, 'cpuUs'), '×', { max: 0.8 }),
    goal('gateway CPU against a byte relay that reads nothing', paired(gateway, relay, 'cpuUs'), '×'),
    goal('byte relay CPU against bare nginx: what the runtime costs', paired(relay, bare, 'cpuUs'), '×'),
    goal('gateway requests per second against bare nginx', paired(gateway, bare, 'perSecond'), '×'),
  ];
  return { goals, results };
}
