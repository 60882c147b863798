import { type Dict, isDict, ownOf, put } from '../values/dict.js';
import { isModel } from './model-view.js';
import { derivedOf } from './resource-facts.js';

const identity = '__identity__';
const count = '__count__';

/**
 * readPath takes members out of data by name: `status.phase`, `phase.lower`, or an object of such paths. It reads members that data has, and a few facts
 * that follow from a Kubernetes object; nothing is ever called.
 * @param many true wraps, false takes the first, null follows the data
 */
export async function readPath(value: unknown, output: unknown, many: unknown): Promise<unknown> {
  if (output === count) return lengthOf(value);
  const asList =
    many === null || many === undefined || many === 'auto' || many === '' ? Array.isArray(value) : Boolean(many);
  if (asList)
    return Promise.all((Array.isArray(value) ? value : [value]).map((item: unknown) => readItem(item, output)));
  const item: unknown = Array.isArray(value) ? value[0] : value;
  return item === undefined || item === null ? null : readItem(item, output);
}

async function readItem(item: unknown, output: unknown): Promise<unknown> {
  if (output === null || output === undefined || output === '') return item;
  if (typeof output === 'string') return readMember(item, output);
  if (!isDict(output)) return '';
  const read: Record<string, unknown> = {};
  for (const [key, path] of Object.entries(output))
    put(read, key, typeof path === 'string' ? await readMember(item, path) : null);
  return read;
}

async function readMember(item: unknown, path: string): Promise<unknown> {
  if (path === identity) return item;
  if (path === count) return lengthOf(item);
  let value = item;
  for (const part of path.split('.')) {
    value = isModel(value) ? await value.attr(part) : memberOf(value, part);
    if (value === undefined || value === null) return null;
  }
  return value;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value === 'string') return { lower: value.toLowerCase(), upper: value.toUpperCase() }[name];
  if (Array.isArray(value)) return /^\d{1,9}$/.test(name) ? value[Number(name)] : undefined;
  return isDict(value) ? (ownOf(value, name) ?? derivedOf(value, name)) : undefined;
}

function lengthOf(value: unknown): number {
  if (Array.isArray(value) || typeof value === 'string') return value.length;
  return isDict(value) ? Object.keys(value as Dict).length : 0;
}
