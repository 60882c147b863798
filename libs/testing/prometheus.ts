import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';

export interface TestPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

const startMsMax = 60_000;

/** startPrometheus runs a Prometheus of its own on a free port of 127.0.0.1, which measures itself under the names of these jobs; it resolves once each has been up for two seconds: queries are for whole seconds. */
export async function startPrometheus(jobs: readonly string[]): Promise<TestPrometheus> {
  const home = await mkdtemp(join(tmpdir(), 'nm-prometheus-'));
  const address = `127.0.0.1:${await freePort()}`;
  const scrape_configs = jobs.map((job_name) => ({ job_name, static_configs: [{ targets: [address] }] }));
  // YAML, of which JSON is a part.
  await writeFile(join(home, 'p.yml'), JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs }));
  const words = [`--config.file=${home}/p.yml`, `--storage.tsdb.path=${home}/data`, `--web.listen-address=${address}`];
  const server = spawn('prometheus', [...words, '--log.level=warn'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (text: Buffer) => (said += String(text)));
  server.once('error', (error) => (said += String(error)));
  const stop = async (): Promise<void> => {
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
    }
    await rm(home, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  for (let waitedMs = 0; waitedMs < startMsMax && server.exitCode === null; waitedMs += 100) {
    const up = await fetch(`${url}/api/v1/query?query=sum(up offset 2s)`).then(
      async (answer) => ((await answer.json()) as { data: { result: { value: [number, string] }[] } }).data.result,
      () => [],
    );
    if (up[0]?.value[1] === String(jobs.length)) return { url, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`prometheus does not come up: ${said.slice(-500)}`);
}
