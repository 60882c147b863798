import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemPath } from '../paths.ts';
import { type ProcessRef, processRef, signal, waitForEnd } from '../process-ref.ts';
import type { Command } from './components.ts';

/** The programs of one cluster. */
export interface Children {
  start(name: string, command: Command): void;
  /** Ends the named ones together: SIGTERM, after `graceMs` SIGKILL. Unknown names are ignored. */
  stop(names: readonly string[], graceMs: number): Promise<void>;
  refs(): Record<string, ProcessRef>;
}

/** Options of superviseChildren. */
export interface ChildrenOptions {
  readonly dir: string;
  /** Program that ties a child's life to ours. */
  readonly tether: string;
  /** A child ended though nobody stopped it. */
  readonly onUnexpectedEnd: (name: string, reason: string) => void;
}

/**
 * Starts programs through the tether, so that the kernel kills them when this process ends in any way, SIGKILL included. Must be called from
 * the main thread: the parent that PR_SET_PDEATHSIG watches is a thread.
 */
export function superviseChildren({ dir, tether, onUnexpectedEnd }: ChildrenOptions): Children {
  const running = new Map<string, { ref: ProcessRef; child: ChildProcess }>();
  const logs = join(dir, 'log');
  mkdirSync(logs, { recursive: true });
  // Nothing of the caller's environment: proxies, kubeconfigs and Go settings would change what the programs do.
  const env = {
    PATH: systemPath(),
    HOME: dir,
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
  };
  return {
    start(name, { program, args }) {
      const log = openSync(join(logs, `${name}.log`), 'w', 0o600);
      const child = spawn(tether, [String(process.pid), program, ...args], {
        cwd: dir,
        env,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      child.once('error', (error) => onUnexpectedEnd(name, error.message));
      const ref = child.pid === undefined ? undefined : processRef(child.pid);
      if (!ref) return;
      running.set(name, { ref, child });
      child.once('exit', (code, killedBy) => {
        if (running.delete(name)) onUnexpectedEnd(name, killedBy ? `killed by ${killedBy}` : `exit code ${code}`);
      });
    },
    async stop(names, graceMs) {
      const chosen = names.flatMap((name) => {
        const entry = running.get(name);
        running.delete(name);
        return entry ? [entry.ref] : [];
      });
      for (const ref of chosen) signal(ref, 'SIGTERM');
      await Promise.all(
        chosen.map(async (ref) => {
          if (await waitForEnd(ref, graceMs)) return;
          signal(ref, 'SIGKILL');
          await waitForEnd(ref, 5_000);
        }),
      );
    },
    refs: () => Object.fromEntries([...running].map(([name, { ref }]) => [name, ref])),
  };
}

/** The last lines of a component's log that look like its reason to end. */
export function logTail(dir: string, name: string, lines = 3): string {
  try {
    const all = readFileSync(join(dir, 'log', `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n');
    const telling = all.filter((line) =>
      /^[EF]\d{4} |^Error|"level":"(fatal|panic|error)"|level=(fatal|error)/.test(line),
    );
    return (telling.length > 0 ? telling : all).slice(-lines).join('\n');
  } catch {
    return '';
  }
}
