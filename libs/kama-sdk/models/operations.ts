import { Fault } from '@nm/kernel/fault';
import type { ModelView } from '../resolve/model-view.js';
import { type Dict, deepGet, deepToFlat, flatToDeep, isDict, mergeAll, ownOf } from '../values/dict.js';
import { type InputView, viewOfInput } from './inputs.js';
import { assignedSoFar, type Buckets, type OperationState } from './operation-state.js';
import type { Verdict } from './predicates.js';
import { currentOrDefault, flatKeyOf, inputOf, isSecret, validate } from './variables.js';

const targets = ['standard', 'inline', 'state', 'prefs', 'none'] as const;
type Target = (typeof targets)[number];

/** FieldView is one input of a step, as clients draw it. */
export interface FieldView extends InputView {
  readonly id: string;
  readonly title: string | null;
  readonly info: string | null;
  readonly is_inline: boolean;
  readonly default: unknown;
  /** A line of text beside the value. */
  readonly decorated_value?: string;
}

export interface StepView {
  readonly id: string;
  readonly title: string | null;
  readonly synopsis: string | null;
  readonly info: string | null;
  readonly flags: readonly string[];
  readonly stage_id: string | null;
  readonly summary_desc: unknown;
  readonly fields: readonly FieldView[];
}

/** stepsOf lists the steps of an operation; those of older ones stand in stages. */
export async function stepsOf(operation: ModelView): Promise<ModelView[]> {
  if (!operation.has('stages')) return operation.childrenOf('steps', 'Step');
  const stages = await operation.childrenOf('stages', 'Stage');
  return (await Promise.all(stages.map((stage) => stage.childrenOf('steps', 'Step')))).flat();
}

/** findStep gives a step by its id. @throws Fault not_found */
export async function findStep(operation: ModelView, id: string): Promise<ModelView> {
  const step = (await stepsOf(operation)).find((each) => each.id === id);
  if (!step) throw new Fault('not_found', { public: `The operation "${operation.id ?? ''}" has no step "${id}".` });
  return step;
}

/** ready tells a step what has been typed, now and in earlier steps. */
function ready(step: ModelView, values: Dict, state: OperationState | undefined): void {
  step.give({ op_state: assignedSoFar(state), inputs: flatToDeep(values) });
}

export const fieldIdOf = async (field: ModelView): Promise<string> =>
  field.id ?? (field.has('variable') ? await flatKeyOf(await variableOf(field)) : '');

/** variableOf is the variable behind a field: the one that it names, or one made of what the field itself says. */
export async function variableOf(field: ModelView): Promise<ModelView> {
  const named = field.has('variable') ? await field.childOf('variable', 'GenericVariable') : undefined;
  if (named) return named;
  const raw = field.raw('variable');
  if (typeof raw === 'string' && !raw.includes('::')) {
    const unknown = await field.child({ id: raw }, 'ManifestVariable');
    if (unknown) return unknown;
  }
  const keys = ['default', 'default_value', 'input', 'validators', 'validation', 'options', 'decorator'];
  const own = Object.fromEntries([
    ['id', field.id ?? ''],
    ...keys.filter((key) => field.has(key)).map((key) => [key, field.raw(key)]),
  ]) as Dict;
  // It is still text of the descriptor, so its expressions hold.
  field.evaluation.bundle.sources.joined(own, field.config, own);
  const variable = await field.child(own, 'GenericVariable');
  if (!variable) throw field.failed('variable', 'there is no such variable.');
  return variable;
}

async function isVisible(field: ModelView): Promise<boolean> {
  const attribute = field.has('visible') || !field.has('show_condition') ? 'visible' : 'show_condition';
  if (!field.has(attribute)) return true;
  const predicate = await field.childOf(attribute, 'Predicate');
  if (predicate) return Boolean(await predicate.supply());
  return (await field.own(attribute)) !== false;
}

/** visibleFields are those whose condition holds for what has been typed. */
export async function visibleFields(
  step: ModelView,
  values: Dict,
  state: OperationState | undefined,
): Promise<ModelView[]> {
  ready(step, values, state);
  const visible: ModelView[] = [];
  for (const field of await step.childrenOf('fields', 'Field')) if (await isVisible(field)) visible.push(field);
  return visible;
}

const targetOf = async (field: ModelView): Promise<Target> => {
  const target = (await field.own('target')) ?? 'standard';
  if (target === 'chart') return 'standard';
  const known = targets.find((each) => each === target);
  if (!known) throw field.failed('target', `there is no target "${String(target)}".`);
  return known;
};

/**
 * partition sorts what was typed by where it goes. Values of hidden or unknown fields are dropped; what `reassignments` recall comes first, what
 * was typed wins over it, and what `commit` says wins over both.
 */
export async function partition(step: ModelView, values: Dict, state: OperationState | undefined): Promise<Buckets> {
  const fields = new Map<string, Target>();
  for (const field of await visibleFields(step, values, state))
    fields.set(await fieldIdOf(field), await targetOf(field));
  const recalled = await recalledValues(step, state);
  const typed = bucketsOf(values, fields);
  const merged = Object.fromEntries(
    bucketNames.map((name) => [name, mergeAll([recalled[name], typed[name]])]),
  ) as unknown as Buckets;
  step.give({ default_commit: merged });
  const commit = await step.own('commit', { depth: 48 });
  if (!isDict(commit)) return merged;
  const final = bucketNames.map((name) => {
    const own = ownOf(commit, name) ?? (name === 'standard' ? ownOf(commit, 'chart') : undefined);
    return [name, isDict(own) ? flatToDeep(own) : merged[name]] as const;
  });
  return Object.fromEntries(final) as unknown as Buckets;
}

const bucketNames = ['standard', 'inline', 'state', 'prefs'] as const;

/** A field's value may itself be an object, so the longest field name that a path begins with decides. */
function bucketsOf(values: Dict, fields: ReadonlyMap<string, Target>): Buckets {
  const buckets: Record<Target, Record<string, unknown>> = { standard: {}, inline: {}, state: {}, prefs: {}, none: {} };
  for (const [key, value] of Object.entries(deepToFlat(flatToDeep(values)))) {
    let name = key;
    while (name !== '' && !fields.has(name)) name = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
    const target = fields.get(name);
    if (target) buckets[target] = mergeAll([buckets[target], flatToDeep({ [key]: value })]);
  }
  return { standard: buckets.standard, inline: buckets.inline, state: buckets.state, prefs: buckets.prefs };
}

async function recalledValues(step: ModelView, state: OperationState | undefined): Promise<Buckets> {
  const recalled: Record<(typeof bucketNames)[number], Record<string, unknown>> = {
    standard: {},
    inline: {},
    state: {},
    prefs: {},
  };
  const written = step.raw('reassignments');
  const earlier = assignedSoFar(state);
  for (const item of Array.isArray(written) ? (written as unknown[]) : []) {
    const id = isDict(item) ? ownOf(item, 'id') : undefined;
    if (!isDict(item) || typeof id !== 'string') continue;
    const to = ownOf(item, 'to') ?? 'standard';
    const target = bucketNames.find((name) => name === (to === 'chart' ? 'standard' : to));
    if (!target) throw step.failed('reassignments', `there is no target "${String(to)}".`);
    const value = Object.hasOwn(item, 'value') ? await step.resolve(ownOf(item, 'value')) : deepGet(earlier, id);
    recalled[target] = mergeAll([recalled[target], flatToDeep({ [id]: value })]);
  }
  return recalled;
}

/** validateField checks what was typed into one field, knowing what else was typed and what earlier steps were given. */
export async function validateField(
  step: ModelView,
  fieldId: string,
  value: unknown,
  state: OperationState | undefined,
  others: Dict = {},
): Promise<Verdict> {
  ready(step, { ...others, [fieldId]: value }, state);
  for (const field of await step.childrenOf('fields', 'Field'))
    if ((await fieldIdOf(field)) === fieldId) return validate(await variableOf(field), value);
  throw new Fault('not_found', { public: `The step "${step.id ?? ''}" has no field "${fieldId}".` });
}

/** The word that ends an operation. */
const done = 'done';

/** nextStepId is the step after a step: the one that `next` names, else the one that stands behind it. @throws Fault descriptor_failed when it names none */
export async function nextStepId(
  operation: ModelView,
  step: ModelView,
  state: OperationState | undefined,
): Promise<string> {
  const typed = state?.steps.find((each) => each.step === step.id);
  ready(step, mergeAll([typed?.standard ?? {}, typed?.state ?? {}, typed?.prefs ?? {}]), state);
  const ids = (await stepsOf(operation)).map(({ id }) => id ?? '');
  const next = await step.own('next');
  if (typeof next === 'string' && next !== '' && next !== 'default') {
    if (next !== done && !ids.includes(next)) throw step.failed('next', `the operation has no step "${next}".`);
    return next;
  }
  return ids[ids.indexOf(step.id ?? '') + 1] ?? done;
}

async function decoration(variable: ModelView, value: unknown): Promise<string | undefined> {
  if (!variable.has('decorator')) return undefined;
  const decorator = await variable.childOf('decorator', 'VariableValueDecorator', { given: { value } });
  if (!decorator) return undefined;
  const condition = decorator.has('show_condition')
    ? await decorator.childOf('show_condition', 'Predicate')
    : undefined;
  if (condition && !(await condition.supply())) return undefined;
  return (await decorator.text('template')) ?? undefined;
}

async function fieldView(field: ModelView, values: Dict): Promise<FieldView> {
  const variable = await variableOf(field);
  const id = await fieldIdOf(field);
  const current = (await isSecret(variable)) ? null : await currentOrDefault(variable);
  const decorated = await decoration(variable, deepGet(flatToDeep(values), id) ?? current);
  return {
    id,
    title: (await field.text('title')) ?? (await variable.text('title')),
    info: (await field.text('info')) ?? (await variable.text('info')),
    is_inline: (await targetOf(field)) === 'inline',
    default: current,
    ...(await viewOfInput(await inputOf(variable))),
    ...(decorated === undefined ? {} : { decorated_value: decorated }),
  };
}

/** stepView is a step as it looks for what has been typed. */
export async function stepView(
  operation: ModelView,
  step: ModelView,
  values: Dict,
  state: OperationState | undefined,
): Promise<StepView> {
  const fields: FieldView[] = [];
  for (const field of await visibleFields(step, values, state)) fields.push(await fieldView(field, values));
  return {
    id: step.id ?? '',
    title: await step.text('title'),
    synopsis: await step.text('synopsis'),
    info: await step.text('info'),
    flags: [],
    stage_id: operation.id ?? null,
    summary_desc: await step.own('summary_desc'),
    fields,
  };
}
