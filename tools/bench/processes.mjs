// Processes of a bench: started pinned to a core where taskset is there, measured by /proc, and always ended.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The bench cannot say anything; the sentence tells what to do. */
export class CannotMeasure extends Error {}

/** Finds a program on the PATH or where Debian puts servers. */
export function programPath(name) {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    return existsSync(`/usr/sbin/${name}`) ? `/usr/sbin/${name}` : undefined;
  }
}

const taskset = programPath('taskset');
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const running = new Set();

/** Command line that keeps a program on one core; on any when that is undefined. */
export const pinned = (core, command) =>
  taskset && core !== undefined ? [taskset, '-c', String(core), ...command] : command;
export const canPin = taskset !== undefined;

export function start(name, core, command, env = {}) {
  const [program, ...args] = pinned(core, command);
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-2000)));
  const started = { name, child, errors: () => errors };
  running.add(started);
  return started;
}

export function assertAlive({ name, child, errors }) {
  if (child.exitCode === null && child.signalCode === null) return;
  throw new CannotMeasure(`${name} is not running any more: ${errors().trim().split('\n').slice(-3).join(' ')}`);
}

/** Ends everything that was started here, gently first. */
export async function stopAll() {
  const alive = [...running].filter(({ child }) => child.exitCode === null && child.signalCode === null);
  const ended = alive.map(({ child }) => new Promise((resolve) => child.once('exit', resolve)));
  for (const { child } of alive) child.kill('SIGTERM');
  await Promise.race([Promise.all(ended), sleep(5000)]);
  for (const { child } of alive) if (child.exitCode === null) child.kill('SIGKILL');
  running.clear();
}

/** Resolves when the address answers with the expected text; the text tells our server from a leftover on the same port. */
export async function answers(process_, url, headers, expected) {
  for (let attempt = 0; attempt < 900; attempt++) {
    assertAlive(process_);
    const text = await fetch(url, { headers })
      .then((response) => response.text())
      .catch(() => undefined);
    if (text === expected) return;
    await sleep(100);
  }
  throw new CannotMeasure(`${process_.name} does not answer as expected at ${url}`);
}

/** Fields behind the command name, which may hold spaces itself. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

/** CPU seconds that a process and its living children have used. */
export function cpuSeconds({ child }) {
  const stats = new Map();
  for (const name of readdirSync('/proc')) if (/^\d+$/.test(name)) stats.set(Number(name), statOf(name));
  const family = new Set([child.pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [pid, stat] of stats)
      if (stat && family.has(stat.parent) && !family.has(pid)) {
        family.add(pid);
        grew = true;
      }
  }
  let ticks = 0;
  for (const pid of family) ticks += stats.get(pid)?.ticks ?? 0;
  return ticks / ticksPerSecond;
}

/** CPU seconds of one process alone. */
export const cpuSecondsOf = (pid) => (statOf(pid)?.ticks ?? 0) / ticksPerSecond;
