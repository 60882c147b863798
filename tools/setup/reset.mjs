// `npm run reset`: asks, then erases $NM_HOME (database, keys, logs, demo). `-- --yes` answers for scripts.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { home, main, Stop } from './steps.mjs';

/** alive: signal 0 reaches nobody, it only tells. */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

await main(async () => {
  if (!existsSync(home)) {
    console.log(`Nothing to erase: ${home} does not exist.`);
    return;
  }
  const pidFile = join(home, 'devstack.pid');
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  if (pid && alive(pid))
    throw new Stop(`NMachine is running from ${home} (process ${pid}). Stop it with Ctrl-C first.`);
  if (!process.argv.includes('--yes')) {
    if (!process.stdin.isTTY)
      throw new Stop('Nobody is there to ask. Run `npm run reset -- --yes` to erase without asking.');
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await prompt.question(
      `Erase ${home} with its database, keys and demo? This cannot be undone. [y/N] `,
    );
    prompt.close();
    if (!/^y(es)?$/i.test(answer.trim())) {
      console.log('Kept.');
      return;
    }
  }
  rmSync(home, { recursive: true, force: true });
  console.log(`Erased ${home}.`);
});
