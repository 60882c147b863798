import { compare } from '../values/compare.js';
import { type Dict, deepGet, deepToFlat, isDict } from '../values/dict.js';
import { matchesWhole } from '../values/pattern.js';
import { exprPrefix } from './reference.js';

/**
 * matchesQuery tells whether data has what a query asks: `{id: ["a", "ingress.*"], labels: {tier: web}, space: app}`. A list means any of them, text is
 * a pattern for the whole value, `expr::<operator>::<value>` a comparison.
 */
export function matchesQuery(query: Dict, data: unknown): boolean {
  if (!isDict(data)) return false;
  return Object.entries(deepToFlat(query)).every(([key, wanted]) => matches(wanted, deepGet(data, key)));
}

function matches(wanted: unknown, actual: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.some((each) => matches(each, actual));
  if (typeof wanted === 'string') {
    if (wanted.startsWith(exprPrefix)) {
      const [operator = '', against = null] = wanted.slice(exprPrefix.length).split('::');
      return compare(operator, actual, against);
    }
    return typeof actual === 'string' && matchesWhole(wanted, actual);
  }
  if (wanted === null) return actual === null;
  return actual === wanted;
}
