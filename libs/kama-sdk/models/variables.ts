import { isFault } from '@nm/kernel/fault';
import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { toBoolean } from '../values/coerce.js';
import { deepGet, hasFlatKey } from '../values/dict.js';
import { forValidation, inferredDefault } from './inputs.js';
import { mergedVars } from './kamafile.js';
import { met, type Verdict, verdictOf } from './predicates.js';

/** flatKeyOf is the name of a variable among the values of the templating engine. */
export const flatKeyOf = async (variable: ModelView): Promise<string> =>
  (await variable.text('flat_key')) ?? variable.id ?? '';

/** inputOf is how a variable is typed; text when it doesn't say. */
export async function inputOf(variable: ModelView): Promise<ModelView> {
  const input = variable.has('input') ? await variable.childOf('input', 'GenericInput') : undefined;
  const plain = input ?? (await variable.child({ kind: 'GenericInput' }, 'GenericInput'));
  if (!plain) throw variable.failed('input', 'there is no such input.');
  if (!plain.has('options') && variable.has('options'))
    plain.give({ options: await variable.own('options', { depth: 1 }) });
  return plain;
}

/** isSecret tells whether a variable's value is kept in the Secret, and from view. */
export const isSecret = async (variable: ModelView): Promise<boolean> => toBoolean(await variable.own('secret'));

const plainDefault = async (variable: ModelView): Promise<unknown> =>
  (await variable.own('_no_virtual_default')) ?? (await variable.own('_no_virtual_default_value'));

async function currentOf(variable: ModelView): Promise<unknown> {
  const values = await mergedVars(variable.evaluation, variable.configSpace);
  return deepGet(values, await flatKeyOf(variable));
}

/** valueOf is what a variable is now: the merged value of a manifest variable, or the default. */
export async function currentOrDefault(variable: ModelView): Promise<unknown> {
  const current = variable.isA('ManifestVariable') ? await currentOf(variable) : null;
  return current ?? (await defaultOf(variable));
}

/** defaultOf is what a variable is when nobody has said anything. */
export async function defaultOf(variable: ModelView): Promise<unknown> {
  return (await plainDefault(variable)) ?? (await inferredDefault(await inputOf(variable)));
}

/** What variables compute: `value` is what is typed or, failing that, what is set. */
export const variableBehaviours: Readonly<Record<string, Behaviour>> = {
  GenericVariable: {
    computed: { resolved_default_value: { get: defaultOf } },
  },
  ManifestVariable: {
    computed: {
      resolved_flat_key: { get: flatKeyOf },
      value: { get: async (variable) => (await variable.own('_no_virtual_value')) ?? currentOf(variable) },
      default_value: { get: defaultOf },
    },
  },
  Field: {
    computed: {
      resolved_bucket_type: { get: async (field) => (await field.own('target')) ?? 'standard' },
    },
  },
};

/**
 * validate checks a value: the first validator that does not hold says why. A validator that cannot be evaluated counts as not held, with a reason for
 * the publisher in the notes.
 */
export async function validate(variable: ModelView, typed: unknown): Promise<Verdict> {
  const value = await forValidation(await inputOf(variable), typed);
  const attribute = variable.has('validators') || !variable.has('validation') ? 'validators' : 'validation';
  try {
    for (const predicate of await variable.childrenOf(attribute, 'Predicate', {
      given: { value },
      backup: { challenge: value },
    })) {
      const verdict = await verdictOf(predicate);
      if (!verdict.met) return verdict;
    }
    return met;
  } catch (error) {
    if (isFault(error) && error.code === 'evaluation_limit') throw error;
    variable.note(attribute, error instanceof Error ? error.message : String(error));
    return {
      predicate_id: null,
      met: false,
      tone: 'error',
      reason: 'A validator of this value could not be evaluated.',
    };
  }
}

/** isCurrentlyValid tells whether what is set passes; what isn't set does. */
export async function isCurrentlyValid(variable: ModelView): Promise<boolean> {
  const values = await mergedVars(variable.evaluation, variable.configSpace);
  const key = await flatKeyOf(variable);
  return hasFlatKey(values, key) || deepGet(values, key) !== null
    ? (await validate(variable, deepGet(values, key))).met
    : true;
}

/** healthPredicatesOf are the checks of what a variable is set to. */
export const healthPredicatesOf = async (variable: ModelView): Promise<ModelView[]> => {
  const value = await currentOf(variable);
  return variable.childrenOf('health_predicates', 'Predicate', { given: { value }, backup: { challenge: value } });
};

/** hasProblems tells whether one of them does not hold. */
export async function hasProblems(variable: ModelView): Promise<boolean> {
  for (const predicate of await healthPredicatesOf(variable)) if (!(await predicate.supply())) return true;
  return false;
}
