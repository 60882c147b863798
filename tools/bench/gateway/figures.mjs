// What the parts of bench:gateway share.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { CannotMeasure, pinned } from '../processes.mjs';

export const proxyCore = 0;
export const otherCore = availableParallelism() > 1 ? 1 : 0;
export const appPath = '/kama/acme/guestbook';
export const path = `${appPath}/api/status`;

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
export const round = (value, digits = 2) =>
  value === undefined || value === null ? null : Number(value.toFixed(digits));
/** Median, with the smallest and largest. */
export const spread = (values, digits = 1) =>
  `${round(median(values), digits)} (${round(Math.min(...values), digits)}–${round(Math.max(...values), digits)})`;

/** A figure and the bar that it has to stay below, or to reach. */
export const goal = (name, value, unit, { max, min } = {}) => ({
  name,
  value: round(value),
  unit,
  bar: max ?? min ?? null,
  ok:
    value !== undefined && value !== null && (max === undefined || value <= max) && (min === undefined || value >= min),
});

export function table(columns, rows) {
  const cells = rows.map((row) => row.map((cell) => String(cell ?? '–')));
  const widths = columns.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i].length)));
  const line = (row) => row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
  console.log(`\n${line(columns)}\n${line(widths.map((width) => '─'.repeat(width)))}`);
  for (const row of cells) console.log(line(row));
}

/** rateOf is a whole rate to offer: none would mean as fast as the answers come. @throws CannotMeasure */
export function rateOf(perSecond) {
  if (perSecond >= 1) return Math.floor(perSecond);
  throw new CannotMeasure('not one request a second is answered: this machine is too busy to measure on');
}

/** openLoop runs the generator as its own process, on the other core. */
export async function openLoop(folder, { keys, ...options }) {
  const file = join(folder, 'open-loop-keys.txt');
  writeFileSync(file, keys.join('\n'), { mode: 0o600 });
  const script = join(import.meta.dirname, 'open-loop.mjs');
  const [program, ...args] = pinned(otherCore, [process.execPath, script, JSON.stringify({ ...options, keys: file })]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new CannotMeasure(`the load generator ended with ${code}`);
  return JSON.parse(text);
}
