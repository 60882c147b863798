import type { FieldFilter } from '../exchange.js';
import { dropOf, pairsOf } from '../field-lines.js';

/** passingTrailers leaves the trailer fields that the policy's filter lets through. @param lines field lines */
export function passingTrailers(lines: string, filter: FieldFilter | undefined): string {
  if (lines === '' || !filter) return '';
  const drop = dropOf(filter);
  const pairs = pairsOf(lines);
  let kept = '';
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (!drop(name.toLowerCase())) kept += `${name}: ${pairs[i + 1]}\r\n`;
  }
  return kept;
}
