import type { Condition, FieldCondition, LabelPair } from './condition.js';

/** A set of names: those allowed (undefined: all), less those forbidden. */
export interface NameSet {
  readonly allowed: readonly string[] | undefined;
  readonly forbidden: readonly string[];
}

/** What is asked of one label, of all its conditions together. */
export interface LabelDemand {
  readonly key: string;
  readonly allowed: readonly string[] | undefined;
  readonly forbidden: readonly string[];
  readonly presence: 'any' | 'exists' | 'absent';
}

/** Normal is a conjunction sorted by what the server can do with its parts. */
export interface Normal<R> {
  readonly namespaces: NameSet;
  readonly names: NameSet;
  readonly labels: readonly LabelDemand[];
  readonly fields: readonly FieldCondition[];
  /** True of all that the functions in `local` let pass. */
  readonly implied: readonly FieldCondition[];
  /** Each an alternative of labels with several keys; not expressible in one selector. */
  readonly anyOf: readonly (readonly LabelPair[])[];
  /** What only we can decide. */
  readonly local: readonly Condition<R>[];
}

/** normalise merges conditions; undefined when no object can meet them all. */
export function normalise<R>(conditions: readonly Condition<R>[]): Normal<R> | undefined {
  const plain = conditions.flatMap(simplify);
  const namespaces = nameSet(plain, 'namespace');
  const names = nameSet(plain, 'name');
  if (namespaces.allowed?.length === 0 || names.allowed?.length === 0) return undefined;
  if (plain.some((condition) => condition.is === 'anyLabel' && condition.pairs.length === 0)) return undefined;
  if (plain.some((condition) => condition.is === 'notAllLabels' && condition.pairs.length === 0)) return undefined;
  if (plain.some((condition) => condition.is === 'owner' && condition.uids.length === 0)) return undefined;
  const labels = labelDemands(plain);
  const fields = dedupe(plain.flatMap((condition) => (condition.is === 'field' ? [condition] : [])));
  const implied = dedupe(plain.flatMap((condition) => (condition.is === 'test' ? (condition.implies ?? []) : [])));
  if (!labels || contradicts([...fields, ...implied])) return undefined;
  return {
    namespaces,
    names,
    labels,
    fields,
    implied,
    anyOf: plain.flatMap((condition) => (condition.is === 'anyLabel' ? [condition.pairs] : [])),
    local: plain.filter((condition) => localOnly.has(condition.is)),
  };
}

const localOnly = new Set<Condition['is']>(['like', 'notAllLabels', 'age', 'owner', 'test']);

/** Alternatives of one key, and exclusions of one pair, are ordinary label conditions. */
function simplify<R>(condition: Condition<R>): Condition<R>[] {
  if (condition.is === 'anyLabel') {
    const keys = new Set(condition.pairs.map(([key]) => key));
    const [key] = keys;
    if (keys.size === 1 && key !== undefined)
      return [{ is: 'label', key, op: 'in', values: condition.pairs.map(([, value]) => value) }];
  }
  if (condition.is === 'notAllLabels') {
    const distinct = new Map(condition.pairs.map((pair) => [JSON.stringify(pair), pair]));
    const [pair] = distinct.values();
    if (distinct.size === 1 && pair) return [{ is: 'label', key: pair[0], op: 'notIn', values: [pair[1]] }];
  }
  return [condition];
}

function nameSet<R>(conditions: readonly Condition<R>[], is: 'namespace' | 'name'): NameSet {
  let allowed: readonly string[] | undefined;
  const forbidden = new Set<string>();
  for (const condition of conditions) {
    if (condition.is !== is) continue;
    if (condition.op === 'notIn') for (const value of condition.values) forbidden.add(value);
    else allowed = intersect(allowed, condition.values);
  }
  return allowed
    ? { allowed: allowed.filter((value) => !forbidden.has(value)), forbidden: [] }
    : { allowed, forbidden: [...forbidden] };
}

const intersect = (left: readonly string[] | undefined, right: readonly string[]): readonly string[] =>
  left ? left.filter((value) => right.includes(value)) : [...new Set(right)];

/** Undefined when one label can meet its conditions in no way. */
function labelDemands<R>(conditions: readonly Condition<R>[]): LabelDemand[] | undefined {
  const byKey = new Map<string, LabelDemand>();
  for (const condition of conditions) {
    if (condition.is !== 'label') continue;
    const { key, op, values } = condition;
    const before = byKey.get(key) ?? { key, allowed: undefined, forbidden: [], presence: 'any' as const };
    const after = demand(before, op, values);
    if (!after) return undefined;
    byKey.set(key, after);
  }
  const demands = [...byKey.values()].map(withoutForbidden);
  return demands.some((one) => one.allowed?.length === 0) ? undefined : demands;
}

function demand(before: LabelDemand, op: string, values: readonly string[]): LabelDemand | undefined {
  const presence = op === 'in' ? 'exists' : op === 'notIn' ? before.presence : (op as 'exists' | 'absent');
  if (before.presence !== 'any' && presence !== before.presence) return undefined;
  if (op === 'in') return { ...before, presence, allowed: intersect(before.allowed, values) };
  if (op === 'notIn') return { ...before, forbidden: [...new Set([...before.forbidden, ...values])] };
  return { ...before, presence };
}

const withoutForbidden = (one: LabelDemand): LabelDemand =>
  one.allowed ? { ...one, allowed: one.allowed.filter((value) => !one.forbidden.includes(value)), forbidden: [] } : one;

function contradicts(fields: readonly FieldCondition[]): boolean {
  return fields.some(
    (left) =>
      left.op === '=' &&
      fields.some((right) => right.path === left.path && (right.op === '=') !== (right.value === left.value)),
  );
}

const dedupe = (fields: readonly FieldCondition[]): FieldCondition[] => [
  ...new Map(fields.map((one) => [`${one.path}${one.op}${one.value}`, one])).values(),
];
