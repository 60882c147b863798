import { execFile } from 'node:child_process';
import { KubelabError } from '../errors.ts';
import { systemPath } from '../paths.ts';

/** Result of a command that was allowed to fail. */
export interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the machine and returns its output; never throws for an exit code. */
export function attempt(command: string, args: readonly string[], input?: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { maxBuffer: 64 << 20, timeout: 60_000, env: { ...process.env, PATH: systemPath() } },
      (error, stdout, stderr) => resolve({ ok: !error, stdout, stderr: stderr || (error?.message ?? '') }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** As attempt, and returns stdout. @throws KubelabError with what the command said when it fails. */
export async function run(command: string, args: readonly string[], input?: string): Promise<string> {
  const { ok, stdout, stderr } = await attempt(command, args, input);
  if (!ok) throw new KubelabError(`${command} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}
