import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from '@nm/adapters/config';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { projectRoot } from './config.js';

export interface AppProcess {
  readonly name: string;
  readonly opsPort: number;
  /** Resolves with a sentence if the app ends without being asked to. */
  readonly died: Promise<string>;
  stop(killAfterMs: number): Promise<void>;
}

const readyMsMax = 60_000;

/** startApp runs one app of `dist/apps`, logs to `$NM_HOME/logs/<app>.log`, and resolves when it is ready. */
export async function startApp(
  name: string,
  home: string,
  opsPort: number,
  env: Readonly<Record<string, string>>,
): Promise<AppProcess> {
  const logFile = join(home, 'logs', `${name}.log`);
  // The file itself, not a pipe through us: an app that outlives a killed devstack must still be able to log its own end.
  const log = openSync(logFile, 'a');
  const follow = `--import=${join(import.meta.dirname, 'follow-parent.js')}`;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--enable-source-maps',
      follow,
      join(projectRoot, 'dist', 'apps', name, 'src', 'main.js'),
    ],
    {
      cwd: projectRoot,
      // A group of its own: Ctrl-C reaches the devstack alone, which stops its apps in order.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...environment(), ...env, NM_OPS_PORT: String(opsPort) } as NodeJS.ProcessEnv,
    },
  );
  closeSync(log);
  let stopping = false;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const died = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      if (!stopping) resolve(`${name} ended unexpectedly (${signal ?? `exit code ${code}`}). Its log: ${logFile}`);
    });
  });
  const stop = async (killAfterMs: number) => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    await exited;
    clearTimeout(timer);
  };
  await ready(name, child, opsPort, logFile, died).catch(async (error: unknown) => {
    await stop(1_000);
    throw error;
  });
  return { name, opsPort, died, stop };
}

async function ready(
  name: string,
  child: ChildProcess,
  opsPort: number,
  logFile: string,
  died: Promise<string>,
): Promise<void> {
  let reason: string | undefined;
  void died.then((sentence) => {
    reason = sentence;
  });
  for (
    const startedMs = systemClock.monotonicMs();
    systemClock.monotonicMs() - startedMs < readyMsMax;
    await systemClock.sleep(60)
  ) {
    if (reason !== undefined || child.exitCode !== null) {
      const tail = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-6).join('\n');
      throw new Fault('internal', { public: `${reason ?? `${name} ended`}\n${tail}` });
    }
    const answer = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
  }
  throw new Fault('internal', { public: `${name} was not ready after ${readyMsMax / 1000} s. Its log: ${logFile}` });
}
