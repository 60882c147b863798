import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../tools/soak/gateway.mjs', import.meta.url));
const seconds = 20;

/** `npm run soak:gateway` is the same for 20 minutes. */
describe('a short soak of the built gateway', () => {
  const children: ReturnType<typeof spawn>[] = [];
  afterAll(async () => {
    for (const child of children)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
  });

  it('leaves nothing behind when clients vanish, apps reset and licences change', { timeout: 300_000 }, async () => {
    const args = ['--disable-warning=ExperimentalWarning', script, '--seconds', String(seconds), '--prepared'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    const [code] = (await once(child, 'exit')) as [number | null];
    const verdict = text.split('\n').filter((line) => /^(NOT OK|\s*after)/.test(line));
    expect({ code, verdict: code === 0 ? [] : [...verdict, text.slice(-3_000)] }).toEqual({ code: 0, verdict: [] });
    expect(text).toContain('"ok":true');
  });
});
