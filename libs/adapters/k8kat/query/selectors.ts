import type { FieldCondition } from './condition.js';
import type { LabelDemand } from './normalise.js';

/** labelSelector writes demands as the API server reads them; undefined when nothing is demanded. */
export function labelSelector(demands: readonly LabelDemand[]): string | undefined {
  return demands.flatMap(requirements).join(',') || undefined;
}

function requirements({ key, allowed, forbidden, presence }: LabelDemand): string[] {
  if (presence === 'absent') return [`!${key}`];
  if (allowed) return [allowed.length === 1 ? `${key}=${allowed[0]}` : `${key} in (${allowed.join(',')})`];
  const excluding =
    forbidden.length === 0
      ? []
      : [forbidden.length === 1 ? `${key}!=${forbidden[0]}` : `${key} notin (${forbidden.join(',')})`];
  return presence === 'exists' ? [key, ...excluding] : excluding;
}

/** fieldSelector writes field conditions, with the three characters that have a meaning escaped. */
export function fieldSelector(fields: readonly FieldCondition[]): string | undefined {
  return fields.map(({ path, op, value }) => `${path}${op}${value.replace(/[\\,=]/g, '\\$&')}`).join(',') || undefined;
}
