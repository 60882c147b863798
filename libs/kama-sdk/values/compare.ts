import { coerceAll, equalValues, isFilled, toBoolean } from './coerce.js';
import { isDict } from './dict.js';

type Comparison = (left: unknown, right: unknown) => boolean;

const ordered =
  (holds: (order: number) => boolean): Comparison =>
  (left, right) => {
    const numeric = (value: unknown): value is number | boolean =>
      typeof value === 'number' || typeof value === 'boolean';
    if (numeric(left) && numeric(right)) return holds(Number(left) - Number(right));
    if (typeof left === 'string' && typeof right === 'string') return holds(left === right ? 0 : left < right ? -1 : 1);
    return false;
  };

const isIn: Comparison = (left, right) => {
  if (typeof right === 'string') return typeof left === 'string' && right.includes(left);
  if (Array.isArray(right)) return right.some((item) => equalValues(item, left));
  return isDict(right) && typeof left === 'string' && Object.hasOwn(right, left);
};

const members = (value: unknown): unknown[] | undefined => {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [...value];
  return isDict(value) ? Object.keys(value) : undefined;
};

const only: Comparison = (left, right) => {
  const items = members(left);
  if (!items) return false;
  if (Array.isArray(right)) return items.every((item) => right.some((each) => equalValues(each, item)));
  return items.length > 0 && items.every((item) => equalValues(item, right));
};

const hasLength = (value: unknown): boolean => Array.isArray(value) || isDict(value) || typeof value === 'string';

/** Every operator of predicates, each with its other names. */
const table: readonly (readonly [names: readonly string[], comparison: Comparison])[] = [
  [['==', '=', 'eq', 'equal', 'equals'], equalValues],
  [['!=', '=/=', 'neq', 'not-equal', 'not-equals'], (left, right) => !equalValues(left, right)],
  [['in', 'is-in'], isIn],
  [['contains'], (left, right) => isIn(right, left)],
  [['only', 'contains-only'], only],
  [['>', 'gt', 'greater-than', 'is-greater-than'], ordered((order) => order > 0)],
  [['>=', 'gte'], ordered((order) => order >= 0)],
  [['<', 'lt', 'less-than', 'is-less-than'], ordered((order) => order < 0)],
  [['<=', 'lte'], ordered((order) => order <= 0)],
  [
    ['empty'],
    (left) =>
      !isFilled(left) && (left === null || left === undefined || hasLength(left) || left === 0 || left === false),
  ],
  [['any', 'non-empty'], (left) => Array.isArray(left) && left.length > 0],
  [['many'], (left) => Array.isArray(left) && left.length > 1],
  [['truthy', 'truthiness'], (left) => toBoolean(left)],
  [['falsy', 'falsiness', 'nullish'], (left) => !toBoolean(left)],
  [['presence', 'defined', 'is-defined'], (left) => isFilled(left)],
  [['undefined', 'is-undefined'], (left) => !isFilled(left)],
];

const byName = new Map(table.flatMap(([names, comparison]) => names.map((name) => [name, comparison] as const)));

export const operatorNames: readonly string[] = [...byName.keys()];

/** compare applies an operator; numbers and booleans are read out of text on both sides first. An unknown operator is false. */
export function compare(operator: string, challenge: unknown, against: unknown): boolean {
  return byName.get(operator)?.(coerceAll(challenge ?? null), coerceAll(against ?? null)) ?? false;
}

/** compareMany does so with each item of a list. Nothing at all is neither all true nor all false; an unknown policy is false. */
export function compareMany(policy: string, operator: string, items: readonly unknown[], against: unknown): boolean {
  const results = items.map((item) => compare(operator, item, against));
  switch (policy) {
    case 'each_true':
      return results.length > 0 && results.every(Boolean);
    case 'each_false':
      return results.length > 0 && !results.some(Boolean);
    case 'some_true':
      return results.some(Boolean);
    case 'some_false':
      return results.some((result) => !result);
    default:
      return false;
  }
}
