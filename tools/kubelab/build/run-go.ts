import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { KubelabError } from '../errors.ts';
import type { Go } from './find-go.ts';
import type { OnProgress } from './progress.ts';
import { GO_DIR, GO_ENV, type Program } from './recipe.ts';

/** How a `go` command is run. */
export interface RunGo {
  readonly go: Go;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
  /** Gives way to other work of the machine (nice 10): for a build in the background of `npm start`. */
  readonly lowPriority?: boolean | undefined;
}

/** Builds one program into `outDir`. @throws KubelabError with the last lines of `go` when it fails. */
export async function buildProgram(program: Program, outDir: string, step: string, run: RunGo): Promise<void> {
  const flags = ['-trimpath', '-ldflags', program.ldflags];
  if (program.how === 'build')
    await go(['build', ...flags, '-o', `${outDir}/${program.name}`, program.pkg], {}, step, run);
  else await go(['install', ...flags, program.pkg], { GOBIN: outDir }, step, run);
}

/** Runs `go` with the recipe's environment and returns what it printed to stdout. */
export function go(args: readonly string[], env: Record<string, string>, step: string, run: RunGo): Promise<string> {
  const began = performance.now();
  const report = (state: 'start' | 'detail' | 'done', detail?: string) =>
    run.onProgress({ state, step, seconds: (performance.now() - began) / 1000, ...(detail ? { detail } : {}) });
  report('start');
  return new Promise((resolve, reject) => {
    const child = spawn(run.go.path, args, {
      cwd: GO_DIR,
      env: { ...process.env, ...GO_ENV, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(run.signal ? { signal: run.signal } : {}),
    });
    if (run.lowPriority && child.pid) setPriority(child.pid, 10);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-8000);
    });
    const tick = setInterval(() => report('detail', lastLine(stderr)), 1000);
    child.on('error', (cause) => {
      clearInterval(tick);
      reject(
        new KubelabError(run.signal?.aborted ? 'The build was interrupted.' : `go did not start: ${cause.message}`, {
          cause,
        }),
      );
    });
    child.on('close', (code) => {
      clearInterval(tick);
      if (code === 0) {
        report('done');
        resolve(stdout);
      } else {
        reject(new KubelabError(`go ${args[0]} failed (${step}):\n${stderr.trim().split('\n').slice(-15).join('\n')}`));
      }
    });
  });
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
