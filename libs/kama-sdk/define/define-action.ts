import { PlanStep } from '@nm/kernel/contracts';
import type { z } from 'zod';
import { actionError } from '../actions/action-error.js';
import { type ActionNode, addStep, type Given, type Planning } from '../actions/planning.js';
import { changeVariables } from '../actions/state-rules.js';
import type { ModelView } from '../resolve/model-view.js';
import type { Dict } from '../values/dict.js';
import { type Attributes, attributesOf, type CustomModel, kindOf, type Shape } from './custom-model.js';
import { contextOf, type ModelContext, runCode } from './model-context.js';

/** ActionPlan is what an action comes to: data, which the run engine carries out. Code runs before the run, never within it. */
export interface ActionPlan {
  /** Variables of the user that are laid over those that there are, flat or deep; secret ones go into the Secret. */
  readonly variables?: Dict;
  /** Steps of the run, in order (docs/guides/plans.md). */
  readonly steps?: readonly z.input<typeof PlanStep>[];
  /** What later actions beside this one can read by `get::parent>>name`. */
  readonly give?: Dict;
  readonly logs?: readonly string[];
}

export interface ActionDefinition<S extends Shape> {
  readonly kind: string;
  readonly title: string;
  readonly info: string;
  readonly attributes: S;
  readonly plan: (call: {
    readonly attributes: Attributes<S>;
    readonly context: ModelContext;
  }) => Promise<ActionPlan> | ActionPlan;
}

const logLinesMax = 200;

/** defineAction makes a kind of action out of code that plans it. */
export function defineAction<S extends Shape>(definition: ActionDefinition<S>): CustomModel {
  const { kind, title, info, attributes, plan } = definition;
  return {
    kind: kindOf(kind, 'Action', info, attributes),
    rule: {
      title,
      info,
      plan: async (model, node, planning) => {
        const given = await attributesOf(model, attributes, true);
        const made = await runCode(model, () => plan({ attributes: given, context: contextOf(model) }));
        return carry(model, node, planning, made);
      },
    },
  };
}

async function carry(model: ModelView, node: ActionNode, planning: Planning, made: ActionPlan): Promise<Given> {
  node.logs.push(...(made.logs ?? []).slice(0, logLinesMax).map((line) => String(line).slice(0, 2_000)));
  if (made.variables && Object.keys(made.variables).length > 0)
    await changeVariables(model, planning, 'user_vars', made.variables);
  for (const [index, step] of (made.steps ?? []).entries()) {
    const parsed = PlanStep.safeParse(step);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw actionError(
        'invalid_plan',
        `Step ${index + 1} of the plan that ${model.kind} made is not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
      );
    }
    await addStep(planning, parsed.data);
  }
  return made.give === undefined ? undefined : { ...made.give };
}
