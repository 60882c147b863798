import { asLiteralSteps, type PlanStep, RunPlan } from '@nm/kernel/contracts';
import { isFault } from '@nm/kernel/fault';
import { modelsOf } from '../define/custom-model.js';
import { matchesQuery } from '../descriptors/query.js';
import { Model } from '../resolve/model.js';
import type { ModelView } from '../resolve/model-view.js';
import { type Dict, isDict, ownOf, put } from '../values/dict.js';
import { ActionError, actionError, type ErrorCapture, remediationsFor } from './action-error.js';
import { clusterRules, dictOf } from './cluster-rules.js';
import { type ActionNode, type ActionRule, flushKamafile, type Given, type Planning } from './planning.js';
import { runPredicate, stateRules } from './state-rules.js';

/** PlannedAction is an action worked out for one install: what a run is to do, or why there is none. */
export interface PlannedAction {
  /** `ready`: post the plan. `positive`: there is nothing to do on the cluster. `negative`: it cannot be done; nothing was changed. */
  readonly status: 'ready' | 'positive' | 'negative';
  readonly id: string;
  readonly title: string;
  readonly progress: ActionNode;
  readonly plan?: RunPlan;
  readonly error?: ErrorCapture;
  readonly given: Dict;
}

/** Levels of MultiActions within each other. */
const nestingMax = 6;

class Stopped extends Error {
  constructor(readonly capture: ErrorCapture) {
    super(capture.reason);
  }
}

/** planAction works an action out. Everything that can be known before is done now: templates, checks, the dry run; what changes the cluster or the Kamafile becomes a step. */
export async function planAction(action: ModelView, planning: Planning): Promise<PlannedAction> {
  const node = await nodeOf(action);
  let given: Given;
  let error: ErrorCapture | undefined;
  try {
    given = await perform(action, node, planning, 0);
    await flushKamafile(planning);
  } catch (cause) {
    if (!(cause instanceof Stopped)) throw cause;
    error = cause.capture;
  }
  const named = { id: node.id, title: node.title, progress: node, given: given ?? {} };
  if (error) return { ...named, status: 'negative', error };
  if (node.status === 'negative') return { ...named, status: 'negative' };
  if (planning.steps.length === 0) return { ...named, status: 'positive' };
  // Values of users are in there: nothing in them may be read as a reference to a step.
  const plan = RunPlan.safeParse({ steps: asLiteralSteps(planning.steps) });
  if (!plan.success)
    throw action.failed(undefined, `the plan that it makes is not valid: ${plan.error.issues[0]?.message ?? ''}`);
  return { ...named, status: 'ready', plan: plan.data };
}

const rules: Readonly<Record<string, ActionRule>> = { ...clusterRules, ...stateRules };

function ruleOf(action: ModelView): ActionRule | undefined {
  const { bundle } = action.evaluation;
  const { rules: custom } = modelsOf(bundle);
  for (const { name } of bundle.kinds.lineage(action.kind)) {
    const own = Object.hasOwn(custom, name) ? custom[name] : undefined;
    if (own) return own;
    if (Object.hasOwn(rules, name)) return rules[name];
  }
  return undefined;
}

async function nodeOf(action: ModelView): Promise<ActionNode> {
  const rule = ruleOf(action);
  return {
    id: action.id ?? action.kind,
    title: ((await action.text('title')) ?? rule?.title ?? action.id ?? action.kind).slice(0, 200) || action.kind,
    info: (await action.text('info')) ?? rule?.info ?? null,
    status: 'idle',
    sub_items: [],
    logs: [],
    error: null,
  };
}

/** perform plans one action into its node. @throws Stopped after a fatal error */
async function perform(action: ModelView, node: ActionNode, planning: Planning, nesting: number): Promise<Given> {
  node.status = 'running';
  try {
    const given = await work(action, node, planning, nesting);
    if (node.status === 'running') node.status = 'positive';
    return given;
  } catch (error) {
    node.status = 'negative';
    if (error instanceof Stopped || isOurs(error)) throw error;
    const capture = captureOf(error);
    const { extras: _, ...shown } = capture;
    node.error = { ...shown, remediation_options: await remediationsFor(action, capture) };
    if (capture.fatal) throw new Stopped(capture);
    return undefined;
  } finally {
    await addDebug(action, node);
  }
}

/** Faults that end the request itself, such as a budget that is used up. */
const isOurs = (error: unknown): boolean => isFault(error) && ['evaluation_limit', 'internal'].includes(error.code);

function captureOf(error: unknown): ErrorCapture {
  if (error instanceof ActionError) return error.capture;
  const reason = isFault(error) ? error.publicMessage : 'The action failed unexpectedly.';
  return { fatal: true, type: isFault(error) ? error.code : 'internal_error', reason, logs: [], extras: {} };
}

async function addDebug(action: ModelView, node: ActionNode): Promise<void> {
  const names = action.raw('debug_props') ?? action.raw('debug');
  if (!Array.isArray(names)) return;
  const debug: Record<string, unknown> = {};
  for (const name of names.filter((each): each is string => typeof each === 'string').slice(0, 20)) {
    try {
      put(debug, name, await action.attr(name));
    } catch {
      put(debug, name, null);
    }
  }
  node.debug = debug;
}

async function work(action: ModelView, node: ActionNode, planning: Planning, nesting: number): Promise<Given> {
  if (action.isA('MultiAction')) return sequence(action, node, planning, nesting);
  if (action.isA('RunPredicatesAction')) return allPredicates(action, node);
  if (action.isA('ApplyManifestAction')) return olderApply(action, node, planning, nesting);
  if (action.isA('RunUpdateHooksAction')) return hooks(action, node, planning, nesting);
  const rule = ruleOf(action);
  if (!rule) throw actionError('unknown_action', `There is no way to carry out a ${action.kind}.`);
  return rule.plan(action, node, planning);
}

/** Sub-actions one after the other, as a group of the plan; what one gives, later ones and those around can read. */
async function sequence(action: ModelView, node: ActionNode, planning: Planning, nesting: number): Promise<Given> {
  if (nesting >= nestingMax) throw actionError('too_deep', `Actions are nested deeper than ${nestingMax} levels.`);
  const breakers = action.has('circuit_breakers') ? await action.childrenOf('circuit_breakers', 'CircuitBreaker') : [];
  let given: Record<string, unknown> = {};
  if (await endsEarly(breakers, -1, undefined)) return given;
  const outer = planning.steps;
  planning.steps = [];
  try {
    for (const [index, child] of (await action.childrenOf('sub_actions', 'Action')).entries()) {
      const childNode = await nodeOf(child);
      node.sub_items.push(childNode);
      const result = await perform(child, childNode, planning, nesting + 1);
      if (result) {
        given = { ...given, ...result };
        action.give(result);
      }
      if (await endsEarly(breakers, index, child.id)) break;
    }
    await flushKamafile(planning);
  } finally {
    const steps = planning.steps;
    planning.steps = outer;
    if (nesting === 0) outer.push(...steps);
    else if (steps.length > 0) outer.push({ kind: 'group', title: node.title, mode: 'sequence', steps } as PlanStep);
  }
  return given;
}

/** endsEarly asks the breakers that stand behind an action. A negative exit is an error of its own, which need not be fatal. */
async function endsEarly(breakers: readonly ModelView[], index: number, id: string | undefined): Promise<boolean> {
  for (const breaker of breakers) {
    if (!(await standsBehind(breaker, index, id))) continue;
    const predicate = await breaker.childOf('predicate', 'Predicate');
    if (!predicate || !(await predicate.supply())) continue;
    const status = (await breaker.own('status')) ?? (await breaker.own('exit')) ?? 'positive';
    if (status === 'negative' || status === 'error')
      throw actionError('early_exit', 'Early exit', {}, status === 'error');
    return true;
  }
  return false;
}

async function standsBehind(breaker: ModelView, index: number, id: string | undefined): Promise<boolean> {
  if (breaker.has('on_index')) return Number(await breaker.own('on_index')) === index;
  const after = await breaker.own('after');
  if (isDict(after)) return ownOf(after, 'index') === index || (id !== undefined && ownOf(after, 'id') === id);
  return after === index || (id !== undefined && after === id);
}

async function allPredicates(action: ModelView, node: ActionNode): Promise<Given> {
  let all = true;
  for (const predicate of await action.childrenOf('predicates', 'Predicate')) {
    const child = await nodeOf(predicate);
    node.sub_items.push(child);
    try {
      await runPredicate(predicate, child, false);
      child.status = 'positive';
    } catch (error) {
      if (isOurs(error)) throw error;
      all = false;
      child.status = 'negative';
      const capture = captureOf(error);
      const { extras: _, ...shown } = capture;
      child.error = { ...shown, fatal: false, remediation_options: await remediationsFor(action, capture) };
    }
  }
  node.status = all ? 'positive' : 'negative';
  return { success: all };
}

/** The older action that does everything: template, apply, wait. */
async function olderApply(action: ModelView, node: ActionNode, planning: Planning, nesting: number): Promise<Given> {
  const whole = await action.child({ kind: 'MultiAction' }, 'MultiAction');
  let given: Given = {};
  for (const kind of ['TemplateManifestAction', 'KubectlApplyAction', 'AwaitKaosSettledAction']) {
    const part: ModelView | undefined = await whole?.child({ kind }, 'Action', {
      given: { values: await olderValues(action), ktea: await action.attr('tam', { depth: 8 }), ...given },
    });
    if (!part) continue;
    const child = await nodeOf(part);
    node.sub_items.push(child);
    given = { ...given, ...(await perform(part, child, planning, nesting + 1)) };
  }
  return given;
}

async function olderValues(action: ModelView): Promise<Dict> {
  if (!action.has('values')) {
    const merged = await action.child({ kind: 'MergedVarsSupplier' }, 'Supplier');
    return dictOf(await merged?.supply());
  }
  const values = await action.attr('values', { depth: 48 });
  return Array.isArray(values) ? Object.assign({}, ...values.map(dictOf)) : dictOf(values);
}

/** hooksFor lists, in the order of the bundle, the hooks whose trigger selector is not empty and part of the labels of an event. */
export function hooksFor(action: ModelView, event: Dict): ModelView[] {
  const { evaluation } = action;
  return evaluation.bundle.query('Hook').flatMap(({ config, kind }) => {
    const selector = config['trigger_selector'];
    const fits = isDict(selector) && Object.keys(selector).length > 0 && matchesQuery(selector, event);
    return fits ? [Model.of(evaluation, config, kind)] : [];
  });
}

async function hooks(action: ModelView, node: ActionNode, planning: Planning, nesting: number): Promise<Given> {
  const injection = await action.own('is_injection');
  const event = { event: injection ? 'injection' : 'software-update', timing: await action.own('timing') };
  for (const hook of hooksFor(action, event)) {
    const child = await hook.childOf('action', 'Action');
    if (!child) continue;
    const childNode = await nodeOf(child);
    node.sub_items.push(childNode);
    await perform(child, childNode, planning, nesting + 1);
  }
  return undefined;
}
