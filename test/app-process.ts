import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, vi } from 'vitest';

const root = join(import.meta.dirname, '..');

/** One line of an app's log. */
export interface LogLine {
  readonly msg?: string;
  readonly [field: string]: unknown;
}

export interface AppProcess {
  readonly child: ChildProcess;
  output(): string;
  lines(msg: string): LogLine[];
  /** Resolves with the first line of that message; fails when the process ends before. */
  says(msg: string): Promise<LogLine>;
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** startAppProcess runs a built app as production does, with these variables and no others. */
export function startAppProcess(app: string, env: Readonly<Record<string, string>>): AppProcess {
  const child = spawn(process.execPath, [join(root, `dist/apps/${app}/src/main.js`)], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const lines = (msg: string): LogLine[] =>
    output.split('\n').flatMap((line) => {
      if (!line.startsWith('{') || !line.endsWith('}')) return [];
      const parsed = JSON.parse(line) as LogLine;
      return parsed.msg === msg ? [parsed] : [];
    });
  return {
    child,
    output: () => output,
    lines,
    says: async (msg) => {
      const seen = () => expect(isOver() || lines(msg).length > 0, `${app} says "${msg}"`).toBe(true);
      await vi.waitFor(seen, { timeout: 240_000, interval: 50 });
      const [first] = lines(msg);
      if (!first) throw new Error(`${app} ended without "${msg}":\n${output}`);
      return first;
    },
    end: async (signal = 'SIGTERM') => {
      if (!isOver()) child.kill(signal);
      return ended;
    },
  };
}
