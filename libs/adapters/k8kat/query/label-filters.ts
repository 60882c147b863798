import { Fault } from '@nm/kernel/fault';
import type { Condition, LabelPair } from './condition.js';
import { checkLabelKey, checkLabelValue } from './label-syntax.js';

/** Pairs as a map, where one key may have several values, or as a list, where a key may come twice. */
export type LabelPairs = Readonly<Record<string, string | readonly string[]>> | readonly LabelPair[];

/** One value for each key, or a list of pairs. */
export type SingleLabelPairs = Readonly<Record<string, string>> | readonly LabelPair[];

/** What `labels()` takes as an object: `{ app: 'x', tier: { in: ['a', 'b'] }, debug: { exists: false } }`. */
export type LabelSelector = Readonly<
  Record<
    string,
    string | { readonly in: readonly string[] } | { readonly notIn: readonly string[] } | { readonly exists: boolean }
  >
>;

/** labelPairs flattens and checks. @throws Fault invalid_query */
export function labelPairs(given: LabelPairs): readonly LabelPair[] {
  const pairs = isPairList(given)
    ? given
    : Object.entries(given).flatMap(([key, value]) =>
        (typeof value === 'string' ? [value] : value).map((one): LabelPair => [key, one]),
      );
  return pairs.map(([key, value]): LabelPair => [checkLabelKey(key), checkLabelValue(value)]);
}

const isPairList = (given: LabelPairs): given is readonly LabelPair[] => Array.isArray(given);

/** selectorConditions reads a selector, as an object or in kubectl's notation. @throws Fault invalid_query */
export function selectorConditions(selector: LabelSelector | string): Condition[] {
  if (typeof selector === 'string') return parseSelector(selector);
  return Object.entries(selector).map(([key, wanted]) => {
    if (typeof wanted === 'string') return label(key, 'in', [wanted]);
    if ('in' in wanted) return label(key, 'in', wanted.in);
    if ('notIn' in wanted) return label(key, 'notIn', wanted.notIn);
    return label(key, wanted.exists ? 'exists' : 'absent', []);
  });
}

/** label writes one label condition. @throws Fault invalid_query */
export const label = (
  key: string,
  op: 'in' | 'notIn' | 'exists' | 'absent',
  values: readonly string[],
): Condition & { is: 'label' } => ({
  is: 'label',
  key: checkLabelKey(key),
  op,
  values: values.map(checkLabelValue),
});

const setForm = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const equalForm = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/;
const existForm = /^(!?)\s*([^\s=!()]+)$/;

/** Splits at commas that are in no parentheses. */
const splitter = /,(?![^()]*\))/;

function parseSelector(text: string): Condition[] {
  if (text.trim() === '') return [];
  return text.split(splitter).map((part) => parseRequirement(part.trim()));
}

function parseRequirement(text: string): Condition {
  const set = setForm.exec(text);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return label(set[1] ?? '', set[2] === 'in' ? 'in' : 'notIn', values);
  }
  const equal = equalForm.exec(text);
  if (equal) return label(equal[1] ?? '', equal[2] === '!=' ? 'notIn' : 'in', [equal[3] ?? '']);
  const exist = existForm.exec(text);
  if (exist) return label(exist[2] ?? '', exist[1] === '!' ? 'absent' : 'exists', []);
  throw new Fault('invalid_query', { public: `"${text}" is not a label requirement.` });
}
