// Load: wrk where it is there, else a bounded loop of our own (which measures the proxy's CPU as well, but gets fewer requests out of a core).
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { CannotMeasure, pinned, programPath } from './processes.mjs';

const wrk = programPath('wrk');
export const loadTool = wrk ? 'wrk' : 'own loop (install wrk for more load)';

const headersOf = (key) => ({
  Authorization: `Bearer ${key}`,
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, deflate, br',
  'Accept-Language': 'en',
  'User-Agent': 'bench/1.0',
});

/** @param keys each sent in turn @param pathOf path of each key's requests, where they differ @param patient answers may take longer than wrk's two seconds @returns requests, seconds, p50Us, p99Us; throws CannotMeasure when any answer was not 200 */
export function load({ url, keys, pathOf, connections, seconds, core, folder, patient }) {
  return wrk
    ? wrkLoad({ url, keys, pathOf, connections, seconds, core, folder, patient })
    : ownLoad({ url, keys, pathOf, connections, seconds });
}

/** wrkScript makes every request before the load begins. Keys come from a file: a table of so many constants is no Lua. */
const wrkScript = (file, fields) => `local i = 0
local all = {}
init = function(args)
  for line in io.lines("${file}") do
    local key, path = line:match("(%S+) (%S+)")
    all[#all + 1] = wrk.format("GET", path, {${fields}})
  end
end
request = function()
  i = i % #all + 1
  return all[i]
end
`;

async function wrkLoad({ url, keys, pathOf, connections, seconds, core, folder, patient = false }) {
  const { pathname } = new URL(url);
  const script = join(folder, 'keys.lua');
  const file = join(folder, 'keys-and-paths.txt');
  writeFileSync(file, keys.map((key, i) => `${key} ${pathOf?.(i) ?? pathname}`).join('\n'), { mode: 0o600 });
  const { Authorization: _, ...others } = headersOf('');
  const fixed = Object.entries(others).map(([name, value]) => `["${name}"]="${value}"`);
  writeFileSync(script, wrkScript(file, ['["Authorization"]="Bearer " .. key', ...fixed].join(', ')));
  const command = [wrk, '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script];
  if (patient) command.push('--timeout', '60s');
  command.push(url);
  const [program, ...args] = pinned(core, command);
  const output = await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.once('error', reject).once('close', () => resolve(text));
  });
  const bad = /^\s*(?:Non-2xx or 3xx responses|Socket errors).*$/m.exec(output);
  if (bad) throw new CannotMeasure(`wrk against ${url}: ${bad[0].trim()}`);
  const total = /^\s*(\d+) requests in ([\d.]+)(m|s)/m.exec(output);
  // The same word stands in the column head of wrk's other table: only a line of its own counts.
  const percentile = (name) => microseconds(new RegExp(`^\\s*${name}%\\s+([\\d.]+)(us|ms|s)\\s*$`, 'm').exec(output));
  if (!total) throw new CannotMeasure(`wrk said: ${output.trim()}`);
  return {
    requests: Number(total[1]),
    seconds: Number(total[2]) * (total[3] === 'm' ? 60 : 1),
    p50Us: percentile(50),
    p99Us: percentile(99),
  };
}

function microseconds(match) {
  if (!match) return undefined;
  return Number(match[1]) * { us: 1, ms: 1000, s: 1_000_000 }[match[2]];
}

async function ownLoad({ url, keys, pathOf, connections, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const started = performance.now();
  const endMs = started + seconds * 1000;
  const times = [];
  let next = 0;
  const one = (key, at) =>
    new Promise((resolve, reject) => {
      const call = request(pathOf ? new URL(pathOf(at), url) : url, { agent, headers: headersOf(key) }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      });
      call.once('error', reject).end();
    });
  const worker = async () => {
    while (performance.now() < endMs) {
      const at = performance.now();
      const which = next++ % keys.length;
      const status = await one(keys[which], which);
      if (status !== 200) throw new CannotMeasure(`${url} answered ${status}`);
      times.push((performance.now() - at) * 1000);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, worker));
  } finally {
    agent.destroy();
  }
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { requests: times.length, seconds: (performance.now() - started) / 1000, p50Us: at(0.5), p99Us: at(0.99) };
}
