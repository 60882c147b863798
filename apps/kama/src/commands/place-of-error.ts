import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Finding } from '@nm/kama-sdk';

type Place = Pick<Finding, 'file' | 'line' | 'column'>;

const modules = /\.[mc]?[jt]s$/;
const filesMax = 50;

/** placeOfError is where an error of a module is, within a folder: at the first place of its stack that is in there; for a syntax error, where Node's own check points at. */
export async function placeOfError(error: unknown, folder: string): Promise<Place | undefined> {
  const start = `${pathToFileURL(folder).href}/`;
  for (const text of error instanceof Error ? (error.stack ?? '').split('\n') : []) {
    const at = text.indexOf(start);
    const [, file, line, column] = /^([^?:]+)(?:\?[^:]*)?:(\d+):(\d+)/.exec(text.slice(at + start.length)) ?? [];
    if (at !== -1 && file !== undefined) return { file: decodeURI(file), line: Number(line), column: Number(column) };
  }
  // The stack of a syntax error names neither file nor line.
  if (!(error instanceof SyntaxError)) return undefined;
  const files = (await readdir(folder)).filter((name) => modules.test(name)).slice(0, filesMax);
  for (const name of files) {
    const place = await check(join(folder, name));
    if (place) return { ...place, file: relative(folder, join(folder, name)) };
  }
  return undefined;
}

/** Node says `file:line`, the line, and an arrow below it. */
async function check(file: string): Promise<Pick<Place, 'line' | 'column'> | undefined> {
  const said = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--check', file], { env: {} }, (error, _out, text) => resolve(error ? text : ''));
  });
  const [first = '', , arrow = ''] = said.split('\n');
  const [, line] = /:(\d+)$/.exec(first) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: arrow.indexOf('^') + 1 };
}
