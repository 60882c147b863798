// How long a KAMA with code takes from nothing to its first answer: the example `icecream`, started as the operator starts it.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAlive, CannotMeasure, cpuSeconds, start } from './processes.mjs';

const startMsMax = 60_000;

/** One start after the other: milliseconds on the clock and of the processor until `/api/ping` is answered. The first is not counted: files are read from the disk. */
export async function coldStarts(count, nmachineUrl) {
  const { command } = JSON.parse(readFileSync('examples/icecream/version.json', 'utf8'));
  const starts = [];
  for (let n = 0; n <= count; n++) {
    const port = 41_000 + ((process.pid + n) % 20_000);
    const began = performance.now();
    const kama = start('icecream', undefined, [process.execPath, ...command.slice(1)], {
      ...{ HOST: '127.0.0.1', PORT: String(port), NM_LOG_LEVEL: 'warn' },
      ...{ NM_APP_ID: 'app_1', NM_ORG: 'acme', NM_APP: 'icecream', NM_VERSION: '1.0.0' },
      ...{ NM_API_URL: nmachineUrl, NM_GATEWAY_URL: nmachineUrl, NM_JWKS_URL: `${nmachineUrl}/jwks.json` },
    });
    await answered(kama, `http://127.0.0.1:${port}/api/ping`, began);
    if (n > 0) starts.push({ wallMs: performance.now() - began, cpuMs: cpuSeconds(kama) * 1_000 });
    const ended = new Promise((done) => kama.child.once('exit', done));
    kama.child.kill('SIGTERM');
    await ended;
  }
  return starts;
}

async function answered(kama, url, began) {
  while (performance.now() - began < startMsMax) {
    assertAlive(kama);
    const ok = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    await sleep(5);
  }
  throw new CannotMeasure('icecream does not come up');
}
