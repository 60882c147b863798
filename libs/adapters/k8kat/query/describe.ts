import type { Condition } from './condition.js';

/** describe writes a condition in words, for `plan()`. */
export function describe<R>(condition: Condition<R>): string {
  switch (condition.is) {
    case 'namespace':
    case 'name':
      return `${condition.is} ${condition.op === 'in' ? 'in' : 'not in'} (${condition.values.join(', ')})`;
    case 'like':
      return `name like ${String(condition.text)}`;
    case 'label':
      return `label ${condition.key} ${condition.op}${condition.values.length ? ` (${condition.values.join(', ')})` : ''}`;
    case 'anyLabel':
      return `any of ${condition.pairs.map((pair) => pair.join('=')).join(', ')}`;
    case 'notAllLabels':
      return `not all of ${condition.pairs.map((pair) => pair.join('=')).join(', ')}`;
    case 'field':
      return `${condition.path}${condition.op}${condition.value}`;
    case 'age':
      return `${condition.op} than ${condition.ms / 1000}s`;
    case 'owner':
      return `owned by ${condition.uids.join(' or ')}`;
    case 'test':
      return condition.words;
  }
}
