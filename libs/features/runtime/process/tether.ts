import { type ChildProcess, spawn } from 'node:child_process';

export interface TetherOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs "$@" with a guard beside it. The guard reads a pipe that only the operator holds: when it closes, because the operator has let go or
 * was killed with -9, the guard kills the whole group. A shell, not a second Node: 1 ms and 1 MiB instead of 40 of each.
 * The guard ignores SIGTERM, so that it stays while the KAMA shuts down.
 */
const script = `exec 3<&0 </dev/null
( trap '' TERM INT HUP; exec >/dev/null 2>&1; while read -r _ <&3; do :; done; kill -KILL 0 ) &
exec 3<&-
exec "$@"`;

/** spawnTethered starts a command in a process group of its own that cannot outlive this process. */
export function spawnTethered(options: TetherOptions): ChildProcess {
  return spawn('/bin/sh', ['-c', script, 'sh', ...options.command], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
