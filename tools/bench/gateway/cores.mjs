// What a second process adds. The load and the upstream need the machine's cores too, so nothing here fills them: at one constant rate below what one
// process can do, the CPU that each process uses tells how many requests per second they do when the busiest of them has a core for itself.
import { readdirSync, readFileSync } from 'node:fs';
import { payload } from '../nginx.mjs';
import { answers, assertAlive, cpuSecondsOf } from '../processes.mjs';
import { startGateway } from '../stage.mjs';
import { goal, median, openLoop, path, rateOf, spread, table } from './figures.mjs';

const connections = 256;
const warmUpSeconds = 6;

function childrenOf(pid) {
  return readdirSync('/proc').filter((name) => {
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}

export async function cores({ folder, keys, rounds, seconds, store }) {
  const ways = [];
  for (const processes of [1, 2]) {
    const port = await store.freePort();
    const env = { NM_GATEWAY_PROCESSES: String(processes) };
    const process_ = startGateway(undefined, port, store, { env });
    await answers(process_, `http://127.0.0.1:${port}${path}`, { authorization: `Bearer ${keys[0]}` }, payload);
    ways.push({
      name: `${processes} process${processes > 1 ? 'es' : ''}`,
      processes,
      process: process_,
      port,
      samples: [],
    });
  }
  const [one, two] = ways;
  const at = { path, keys, connections };
  const peak = await openLoop(folder, { ...at, port: one.port, rate: 0, seconds: warmUpSeconds });
  const rate = rateOf(peak.okPerSecond * 0.4);
  await openLoop(folder, { ...at, port: two.port, rate, seconds: warmUpSeconds });
  for (let i = 0; i < rounds; i++)
    for (const way of ways) {
      const { pid } = way.process.child;
      const pids = way.processes > 1 ? childrenOf(pid) : [pid];
      const before = pids.map(cpuSecondsOf);
      const { ok } = await openLoop(folder, { ...at, port: way.port, rate, seconds });
      assertAlive(way.process);
      const used = pids.map((id, j) => cpuSecondsOf(id) - before[j]);
      const sum = used.reduce((a, b) => a + b, 0);
      way.samples.push({
        cpuUs: (sum * 1e6) / ok.n,
        share: Math.max(...used) / sum,
        capacity: ok.n / Math.max(...used),
      });
    }
  table(
    [`at ${rate} requests/s`, 'CPU µs/request', 'share of the busiest %', 'requests per CPU second of the busiest'],
    ways.map(({ name, samples }) => [
      name,
      spread(samples.map(({ cpuUs }) => cpuUs)),
      spread(samples.map(({ share }) => share * 100)),
      spread(
        samples.map(({ capacity }) => capacity),
        0,
      ),
    ]),
  );
  const scaling = median(two.samples.map(({ capacity }, i) => capacity / one.samples[i].capacity));
  for (const way of ways) way.process.child.kill('SIGTERM');
  return {
    goals: [goal('gateway capacity of two processes against one, a core each', scaling, '×', { min: 1.8 })],
    results: ways.map(({ name, samples }) => ({ name, samples })),
  };
}
