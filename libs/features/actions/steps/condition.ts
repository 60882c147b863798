import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, readinessOf } from '@nm/adapters/k8kat';
import type { Condition, ObjectCondition, StepCondition } from '@nm/kernel/contracts';
import { aboutObject, objectName } from './object-name.js';
import type { StepContext } from './step-context.js';

type Leaf = StepCondition | ObjectCondition;

/** leaves lists the tests that a condition joins, each with its path in the plan. */
export function leaves(condition: Condition, path: string): { condition: Leaf; path: string }[] {
  if ('all' in condition) return condition.all.flatMap((part, i) => leaves(part, `${path}.all.${i}`));
  if ('any' in condition) return condition.any.flatMap((part, i) => leaves(part, `${path}.any.${i}`));
  if ('not' in condition) return leaves(condition.not, `${path}.not`);
  return [{ condition, path }];
}

export interface Verdict {
  readonly holds: boolean;
  /** For people: what was seen. */
  readonly because: string;
}

type Sight = Pick<StepContext, 'session' | 'namespace' | 'signal'>;

/**
 * conditionHolds looks at the cluster, and no further than it must: the parts of `all` and `any` in order, up to the one that decides.
 * @param outcomeOf how the step of this name ended
 */
export async function conditionHolds(
  condition: Condition,
  sight: Sight,
  outcomeOf: (step: string) => string = () => 'unknown',
): Promise<Verdict> {
  if ('not' in condition) {
    const { holds, because } = await conditionHolds(condition.not, sight, outcomeOf);
    return { holds: !holds, because };
  }
  if ('all' in condition) return joined(condition.all, false, sight, outcomeOf);
  if ('any' in condition) return joined(condition.any, true, sight, outcomeOf);
  if ('step' in condition) {
    const outcome = outcomeOf(condition.step);
    return { holds: outcome === condition.is, because: `step "${condition.step}" was ${outcome}` };
  }
  return objectVerdict(condition, sight);
}

async function joined(
  parts: readonly Condition[],
  decisive: boolean,
  sight: Sight,
  outcomeOf: (step: string) => string,
): Promise<Verdict> {
  const seen: string[] = [];
  for (const part of parts) {
    const verdict = await conditionHolds(part, sight, outcomeOf);
    if (verdict.holds === decisive) return verdict;
    seen.push(verdict.because);
  }
  return { holds: !decisive, because: seen.join('; ') };
}

async function objectVerdict(condition: ObjectCondition, sight: Sight): Promise<Verdict> {
  const { object: ref, is, field, equals } = condition;
  const name = objectName(ref);
  const object = await sight.session.get(ref, sight.namespace, sight.signal).catch((error: unknown) => {
    throw aboutObject(error, ref);
  });
  if (is === 'present' || is === 'absent')
    return {
      holds: (object !== undefined) === (is === 'present'),
      because: `${name} ${object ? 'exists' : 'does not exist'}`,
    };
  if (!object) return { holds: false, because: `${name} does not exist` };
  if (is === 'ready') {
    const { state, reason } = readinessOf(object);
    return { holds: state === 'ready', because: `${name}: ${reason}` };
  }
  const value = valueAt(object, field ?? '');
  return {
    holds: isDeepStrictEqual(value, equals),
    because: `${name}: ${field} is ${JSON.stringify(value) ?? 'absent'}`,
  };
}

/** Own members only: a path leads through data, never into prototypes. */
function valueAt(object: KubeObject, path: string): unknown {
  let value: unknown = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
