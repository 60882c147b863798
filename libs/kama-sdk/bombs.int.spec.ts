import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bombs } from './test/bombs.js';

/** What one bundle may cost whoever looks at it, whatever it holds. */
const cpuMsMax = 2_000;
const heapMib = 128;

interface Outcome {
  readonly said: string;
  readonly cpuMs: number;
}

describe(`bundles that mean harm, within ${heapMib} MiB`, () => {
  let child: ChildProcess;
  const heard = <T>() =>
    new Promise<T>((resolve, reject) => {
      child.once('message', (message) => resolve(message as T));
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
    });
  const start = async () => {
    child = fork(join(import.meta.dirname, 'test/bomb-child.mjs'), {
      execArgv: [`--max-old-space-size=${heapMib}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await heard();
  };
  beforeAll(async () => {
    if (!existsSync(join(import.meta.dirname, '../../dist/libs/kama-sdk/index.js')))
      throw new Error('run `npm run build` first');
    await start();
  });
  afterAll(() => {
    child.kill();
  });

  it('are more than forty', () => expect(bombs.length).toBeGreaterThanOrEqual(40));

  it.each(bombs.map((bomb) => [bomb.name, bomb] as const))(
    'refuses %s in time, with a sentence for its author',
    async (_name, bomb) => {
      if (child.exitCode !== null) await start();
      child.send(bomb as unknown as object);
      const { said, cpuMs } = await heard<Outcome>();
      expect(said).toContain(bomb.says);
      expect(said).not.toMatch(/^(accepted|crashed)/);
      expect(said.length).toBeLessThan(2_000);
      expect(cpuMs, 'milliseconds of CPU').toBeLessThan(cpuMsMax);
    },
    60_000,
  );
});
