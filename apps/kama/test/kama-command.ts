import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** serveCommand types `nmachine-kama serve …` in the project's folder, as it was built, and gives the address that it prints. */
export async function serveCommand(
  words: readonly string[],
  path: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const child = spawn(process.execPath, ['dist/apps/kama/src/main.js', 'serve', ...words, '--port', '0'], {
    ...{ cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { PATH: path },
  });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text.toString();
      const found = /^(http:\/\/\S+)\/api\/status/m.exec(said)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${said}`)));
  });
  return {
    url,
    close: async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
