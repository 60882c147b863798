import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import { processAlive } from '@nm/testing';

const diskBytesMin = 300 * 1024 * 1024;

/** isDevstack guards against a number that was given to another program since. Where there is no /proc, the number decides. */
async function isDevstack(pid: number): Promise<boolean> {
  if (!processAlive(pid)) return false;
  if (!existsSync('/proc/self/cmdline')) return true;
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('devstack');
}

/**
 * lockHome makes `$NM_HOME`, and sees that one devstack uses it at a time and that its disk has room.
 * @returns release, to be called at the end
 */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  await mkdir(join(home, 'logs'), { recursive: true, mode: 0o755 });
  const { bavail, bsize } = await statfs(home);
  if (bavail * bsize < diskBytesMin)
    throw new Fault('config_invalid', {
      public: `The disk that holds ${home} is nearly full (${Math.round((bavail * bsize) / 2 ** 20)} MiB free, 300 needed). Free some space, or set NM_HOME to a folder on another disk; nothing is lost.`,
    });
  const file = join(home, 'devstack.pid');
  const other = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (other && other !== process.pid && (await isDevstack(other)))
    throw new Fault('config_invalid', {
      public: `NMachine already runs from ${home} (process ${other}). Stop it with Ctrl-C there, or set NM_HOME and other ports for a second one.`,
    });
  await writeFile(file, String(process.pid));
  return () => rm(file, { force: true });
}
