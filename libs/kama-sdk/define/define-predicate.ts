import { yesOrNo } from '../models/predicates.js';
import type { Computed } from '../resolve/model-view.js';
import { type Attributes, attributesOf, type CustomModel, kindOf, type Shape } from './custom-model.js';
import { contextOf, type ModelContext, runCode } from './model-context.js';

interface PredicateCall<S extends Shape> {
  readonly attributes: Attributes<S>;
  /** What is to be judged: the typed value when it is a validator, else what the descriptor says. */
  readonly challenge: unknown;
  readonly context: ModelContext;
}

export interface PredicateDefinition<S extends Shape> {
  readonly kind: string;
  readonly info: string;
  readonly attributes: S;
  readonly holds: (call: PredicateCall<S>) => Promise<boolean> | boolean;
  /** reason says why not, where the descriptor has no `reason`. */
  readonly reason?: (call: PredicateCall<S>) => Promise<string> | string;
}

/** definePredicate makes a kind of predicate out of code; `negate`, `early_true_if` and the like hold as for all. */
export function definePredicate<S extends Shape>(definition: PredicateDefinition<S>): CustomModel {
  const { kind, info, attributes, holds, reason } = definition;
  const callOf = async (model: Parameters<Computed['get']>[0]): Promise<PredicateCall<S>> => ({
    attributes: await attributesOf(model, attributes, false),
    challenge: await model.own('challenge'),
    context: contextOf(model),
  });
  const words: Computed = {
    get: async (model) => {
      const own = await model.own('_no_virtual_reason');
      if (own !== null || !reason) return own;
      const call = await callOf(model);
      return runCode(model, () => reason(call));
    },
  };
  return {
    kind: kindOf(kind, 'Predicate', info, attributes),
    behaviour: {
      ...yesOrNo(async (model) => {
        const call = await callOf(model);
        return runCode(model, () => holds(call));
      }),
      computed: { reason: words },
    },
  };
}
