import type { KindFacts } from '../kinds/kind-facts.js';
import type { KubeJson } from '../kinds/kube-json.js';
import type { Condition, FieldCondition } from './condition.js';

/** Candidate is an object to be judged; the wrapper is made only when a function asks for it. */
export interface Candidate<R> {
  readonly raw: KubeJson;
  readonly facts: KindFacts;
  readonly nowMs: number;
  readonly wrapped: () => R;
}

/** matches judges one object by one condition, exactly as the API server would where the server can. */
export function matches<R>(condition: Condition<R>, candidate: Candidate<R>): boolean {
  const metadata = candidate.raw.metadata ?? {};
  const labels = metadata.labels ?? {};
  switch (condition.is) {
    case 'namespace':
      return condition.values.includes(metadata.namespace ?? '') === (condition.op === 'in');
    case 'name':
      return condition.values.includes(metadata.name ?? '') === (condition.op === 'in');
    case 'like':
      return isLike(metadata.name ?? '', condition.text);
    case 'label':
      return matchesLabel(condition, labels);
    case 'anyLabel':
      return condition.pairs.some(([key, value]) => ownValue(labels, key) === value);
    case 'notAllLabels':
      return !condition.pairs.every(([key, value]) => ownValue(labels, key) === value);
    case 'field':
      return (fieldText(candidate, condition) === condition.value) === (condition.op === '=');
    case 'age': {
      const ageMs = candidate.nowMs - Date.parse(metadata.creationTimestamp ?? '');
      return condition.op === 'older' ? ageMs > condition.ms : ageMs < condition.ms;
    }
    case 'owner':
      return (metadata.ownerReferences ?? []).some((owner) => condition.uids.includes(owner.uid));
    case 'test':
      return condition.test(candidate.wrapped());
  }
}

/** An operator that excludes also takes objects without the key: the API server's rule. */
function matchesLabel(condition: Condition & { is: 'label' }, labels: Readonly<Record<string, string>>): boolean {
  const value = ownValue(labels, condition.key);
  switch (condition.op) {
    case 'in':
      return value !== undefined && condition.values.includes(value);
    case 'notIn':
      return value === undefined || !condition.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
  }
}

/** A label may be called `constructor`. */
const ownValue = (labels: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

function isLike(name: string, text: string | RegExp): boolean {
  if (typeof text === 'string') return name.includes(text);
  // A regular expression with the flag g or y would remember where it stopped.
  text.lastIndex = 0;
  return text.test(name);
}

/** fieldText gives a field as the API server compares it: as text, with the server's word for an absent one. */
function fieldText({ raw, facts }: Pick<Candidate<never>, 'raw' | 'facts'>, { path }: FieldCondition): string {
  const known = facts.serverFields?.[path];
  let value: unknown = raw;
  for (const part of (known?.at ?? path).split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  if (value === undefined || value === null) return known?.absent ?? '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
