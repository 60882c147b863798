import type { ModelView } from '../resolve/model-view.js';
import { type InputView, viewOfInput } from './inputs.js';
import { type Assignment, assignmentsOf, readSpace } from './kamafile.js';
import { stepsOf } from './operations.js';
import { type DependencyView, dependenciesOf, preventsReading } from './variable-dependencies.js';
import { flatKeyOf, hasProblems, healthPredicatesOf, inputOf, isCurrentlyValid, isSecret } from './variables.js';

/** Meta is how anything is listed. */
export interface Meta {
  readonly id: string | null;
  readonly title: string | null;
  readonly info: string | null;
}

export const metaOf = async (model: ModelView): Promise<Meta> => ({
  id: model.id ?? null,
  title: await model.text('title'),
  info: await model.text('info'),
});

export interface CategoryView extends Meta {
  readonly graphic_type: unknown;
  readonly graphic: unknown;
}

export const categoryView = async (category: ModelView): Promise<CategoryView> => ({
  ...(await metaOf(category)),
  graphic_type: (await category.attr('graphic_type')) ?? 'icon',
  graphic: await category.attr('graphic'),
});

export interface VariableView extends Meta {
  readonly flat_key: string;
  readonly is_user_writable: boolean;
  readonly category: CategoryView | null;
  readonly value: unknown;
  readonly assignments: readonly Assignment[];
  readonly is_valid: boolean;
  readonly config_space: string;
  readonly tags: unknown;
  /** Its value is never told: `value` is null, and an assignment says only that there is one. */
  readonly is_secret: boolean;
  /** Nobody described it; only its key is known. */
  readonly is_documented: boolean;
}

/** variableView is a variable in a list. */
export async function variableView(variable: ModelView): Promise<VariableView> {
  const category = variable.has('category') ? await variable.childOf('category', 'VariableCategory') : undefined;
  const secret = await isSecret(variable);
  const assignments = assignmentsOf(
    await readSpace(variable.evaluation, variable.configSpace),
    await flatKeyOf(variable),
  );
  const owner = (await variable.attr('owner')) ?? (await variable.attr('level'));
  return {
    ...(await metaOf(variable)),
    flat_key: await flatKeyOf(variable),
    is_user_writable: owner === null || owner === 'user_vars',
    category: category ? await categoryView(category) : null,
    value: secret ? null : await variable.attr('value'),
    assignments: secret ? assignments.map((each) => ({ ...each, value: null })) : assignments,
    is_valid: await isCurrentlyValid(variable),
    config_space: variable.configSpace,
    tags: (await variable.own('tags')) ?? [],
    is_secret: secret,
    is_documented: variable.evaluation.bundle.find(variable.id ?? '', 'ManifestVariable') !== undefined,
  };
}

export interface VariableDetail extends VariableView, InputView {
  readonly health_predicates: readonly Meta[];
  readonly incoming_dependencies: readonly DependencyView[];
  readonly outgoing_dependencies: readonly DependencyView[];
  readonly is_preventing_read: boolean;
  readonly is_read_blocked: boolean;
}

/** variableDetail is a variable with everything around it. */
export async function variableDetail(variable: ModelView): Promise<VariableDetail> {
  const [outgoing, incoming] = [await dependenciesOf(variable, 'out'), await dependenciesOf(variable, 'in')];
  const predicates: Meta[] = [];
  for (const predicate of await healthPredicatesOf(variable)) predicates.push(await metaOf(predicate));
  return {
    ...(await variableView(variable)),
    ...(await viewOfInput(await inputOf(variable))),
    health_predicates: predicates,
    incoming_dependencies: incoming,
    outgoing_dependencies: outgoing,
    is_preventing_read: preventsReading(outgoing),
    is_read_blocked: preventsReading(incoming),
  };
}

export interface VariableHealth {
  readonly config_space: string;
  readonly id: string;
  readonly health: { readonly has_problems: boolean; readonly is_read_blocked: boolean };
}

export const variableHealth = async (variable: ModelView): Promise<VariableHealth> => ({
  config_space: variable.configSpace,
  id: await flatKeyOf(variable),
  health: {
    has_problems: await hasProblems(variable),
    is_read_blocked: preventsReading(await dependenciesOf(variable, 'in')),
  },
});

export interface ActionView extends Meta {
  readonly tags: unknown;
  readonly space: string | null;
}

export const actionView = async (action: ModelView): Promise<ActionView> => ({
  ...(await metaOf(action)),
  tags: (await action.own('tags')) ?? [],
  space: action.space ?? null,
});

export interface OperationView extends ActionView {
  readonly synopsis: string | null;
  readonly step_metas: readonly Meta[];
}

export async function operationView(operation: ModelView): Promise<OperationView> {
  const steps: Meta[] = [];
  for (const step of await stepsOf(operation)) steps.push(await metaOf(step));
  return { ...(await actionView(operation)), synopsis: await operation.text('synopsis'), step_metas: steps };
}
