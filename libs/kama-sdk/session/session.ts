import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { systemClock } from '@nm/kernel/time';
import { configMapSteps } from '../actions/kamafile-steps.js';
import { PendingKamafile } from '../actions/pending-kamafile.js';
import type { PlannedAction } from '../actions/plan-action.js';
import type { BackupSteps, KamafileSteps } from '../actions/planning.js';
import { modelsOf } from '../define/custom-model.js';
import type { Bundle } from '../descriptors/bundle.js';
import { appSpace } from '../descriptors/bundle-files.js';
import { readSpace } from '../models/kamafile.js';
import type { OperationState } from '../models/operation-state.js';
import { findStep, nextStepId, partition, type StepView, stepView, validateField } from '../models/operations.js';
import { type PresetView, presetAssignments, presetView } from '../models/presets.js';
import { healthPredicatesOf, validate } from '../models/variables.js';
import {
  type ActionView,
  actionView,
  type CategoryView,
  categoryView,
  type OperationView,
  operationView,
  type VariableDetail,
  type VariableHealth,
  type VariableView,
  variableDetail,
  variableHealth,
  variableView,
} from '../models/views-of-models.js';
import { Budget, type BudgetLimits } from '../resolve/budget.js';
import { Evaluation } from '../resolve/evaluation.js';
import { Model } from '../resolve/model.js';
import { isModel, type ModelView, type Note } from '../resolve/model-view.js';
import type { ClusterReader, HttpReader, Hub, JqEngine, KamafileReader, TemplatingEngine } from '../resolve/ports.js';
import type { Share } from '../resolve/turns.js';
import type { Dict } from '../values/dict.js';
import { namedOrInline } from '../values/named-or-inline.js';
import { type Filter, shownOf, spaceQuery, type ValidationView, validationView } from './answers.js';
import { builtInBehaviours } from './built-in-behaviours.js';
import type { Desk } from './desk.js';
import { type Planner, plan, planEdits, type SubmittedStep, submitStep } from './plans.js';
import { type Updates, updatesOf } from './updates.js';
import { type Upkeep, upkeepOf } from './upkeep.js';
import { type Views, viewsOf } from './views.js';

export interface SessionOptions {
  readonly kamafile: KamafileReader;
  /** Of the install. */
  readonly namespace: string;
  readonly clock?: Clock;
  readonly budget?: Partial<BudgetLimits>;
  readonly cluster?: ClusterReader;
  readonly http?: HttpReader;
  readonly engine?: TemplatingEngine;
  readonly hub?: Hub;
  readonly jq?: JqEngine;
  /** How a run writes the Kamafile; without it, as one ConfigMap called `kamafile`. */
  readonly writeKamafile?: KamafileSteps;
  /** How a run keeps a copy of the Kamafile; without it, none is kept. */
  readonly backup?: BackupSteps;
  /** Whose turn it is at shared engines: the id of the install. */
  readonly tenant?: string;
  /** The session's part in a thread that others use too; without it, it holds the thread for as long as it works. */
  readonly share?: Share;
  /** The request: when it is given up, so is the evaluation. */
  readonly signal?: AbortSignal;
}

/** Session answers for one install and one request. It keeps nothing beyond it, and changes nothing. */
export class Session {
  readonly #evaluation: Evaluation;
  readonly #planner: Planner;

  constructor(
    readonly bundle: Bundle,
    options: SessionOptions,
  ) {
    const clock = options.clock ?? systemClock;
    const pending = new PendingKamafile(options.kamafile);
    this.#evaluation = new Evaluation({
      bundle,
      behaviours: builtInBehaviours(bundle.kinds, modelsOf(bundle).behaviours),
      namespace: options.namespace,
      clock,
      budget: new Budget(clock, options.budget, options.signal, options.share),
      kamafile: pending,
      cluster: options.cluster,
      http: options.http,
      engine: options.engine,
      hub: options.hub,
      jq: options.jq,
      tenant: options.tenant,
    });
    this.#planner = {
      evaluation: this.#evaluation,
      pending,
      writeKamafile: options.writeKamafile ?? configMapSteps({}, clock, bundle),
      backup: options.backup,
    };
  }

  /** notes lists what was put up with so far. */
  get notes(): readonly Note[] {
    return this.#evaluation.notes;
  }

  /** model gives the model of an id. @throws Fault not_found */
  model(id: string, kind = 'Model'): ModelView {
    const found = this.bundle.find(id, kind);
    if (!found) throw new Fault('not_found', { public: `This app has no ${kind} "${id}".` });
    return Model.of(this.#evaluation, found.config, found.kind);
  }

  /** inline makes a model of a descriptor that a client sent. @throws Fault not_found, descriptor_failed */
  async inline(descriptor: unknown, kind: string): Promise<ModelView> {
    const root = Model.of(this.#evaluation, {}, 'Model');
    const adopted = this.bundle.adopt(descriptor, { file: '(request)', line: 1, column: 1 });
    const model = await root.child(adopted, kind);
    if (!model) throw new Fault('not_found', { public: `This app has no such ${kind}.` });
    return model;
  }

  models(kind: string, query: Dict = {}): ModelView[] {
    return this.bundle.query(kind, query).map((each) => Model.of(this.#evaluation, each.config, each.kind));
  }

  /** resolve gives the value of an attribute of a model, or of a supplier or predicate itself. */
  async resolve(id: string, attribute?: string): Promise<unknown> {
    const model = this.model(id);
    const value = attribute === undefined ? await model.supply() : await model.attr(attribute, { depth: 8 });
    return this.#answer(value, id);
  }

  async variables(filter: Filter = {}): Promise<VariableView[]> {
    const views: VariableView[] = [];
    for (const variable of this.#variables(filter)) views.push(await variableView(variable));
    return this.#answer(views, 'variables');
  }

  async variablesHealth(filter: Filter = {}): Promise<VariableHealth[]> {
    const views: VariableHealth[] = [];
    for (const variable of this.#variables(filter)) views.push(await variableHealth(variable));
    return views;
  }

  /** variable gives one in full; a key that nobody described is made up. */
  async variable(id: string, space = 'app'): Promise<VariableDetail> {
    return this.#answer(await variableDetail(this.#variable(id, space)), id);
  }

  async categories(): Promise<CategoryView[]> {
    const views: CategoryView[] = [];
    for (const category of this.models('VariableCategory')) views.push(await categoryView(category));
    return views;
  }

  async validateVariable(id: string, value: unknown, space = 'app'): Promise<ValidationView> {
    return validationView(await validate(this.#variable(id, space), value));
  }

  /** operations lists those that are labelled `searchable`. */
  async operations(filter: Filter = {}): Promise<OperationView[]> {
    const views: OperationView[] = [];
    const query = { labels: { searchable: true }, ...spaceQuery(filter) };
    for (const operation of this.models('Operation', query)) views.push(await operationView(operation));
    return views;
  }

  async operation(id: string): Promise<OperationView> {
    return operationView(await this.#operation(id));
  }

  /** refreshStep shows a step for what has been typed, and what would be assigned. */
  async refreshStep(
    operationId: string,
    stepId: string,
    values: Dict,
    state?: OperationState,
  ): Promise<{ step: StepView; manifest_assignments: Dict }> {
    const [operation, step] = await this.#step(operationId, stepId);
    const { standard } = await partition(step, values, state);
    return this.#answer(
      { step: await stepView(operation, step, values, state), manifest_assignments: standard },
      stepId,
    );
  }

  /** submitStep sorts what was typed by where it goes, notes it in the operation's state, and plans the step's action. */
  async submitStep(operationId: string, stepId: string, values: Dict, state: OperationState): Promise<SubmittedStep> {
    const [, step] = await this.#step(operationId, stepId);
    return submitStep(this.#planner, step, values, state);
  }

  /** preflight checks what an operation needs before it begins. None when it checks nothing. */
  async preflight(operationId: string): Promise<PlannedAction | undefined> {
    const operation = await this.#operation(operationId);
    const one = operation.has('preflight_predicate') ? [operation.raw('preflight_predicate')] : [];
    const many = operation.raw('preflight_predicates');
    const predicates = [...(Array.isArray(many) ? (many as unknown[]) : many === undefined ? [] : [many]), ...one];
    return predicates.length === 0
      ? undefined
      : this.runPredicates(predicates, 'Operation Preflight Checks', operation);
  }

  /** runPredicates evaluates predicates, named or written down, into a progress tree. */
  async runPredicates(predicates: readonly unknown[], title = 'Checks', around?: ModelView): Promise<PlannedAction> {
    const adopted = around ? predicates : this.bundle.adopt(predicates, { file: '(request)', line: 1, column: 1 });
    const config = { kind: 'RunPredicatesAction', id: 'sdk.action.run_predicates', title, predicates: adopted };
    const parent = around ?? Model.of(this.#evaluation, {}, 'Model');
    this.bundle.sources.add(config, { file: '(request)', line: 1, column: 1 });
    const action = await parent.child(config, 'Action');
    if (!action) throw new Fault('internal', { internal: 'the checks are no action' });
    return plan(this.#planner, action, {});
  }

  /** installPreflight runs every predicate of the app that is labelled `preflight`. */
  installPreflight(): Promise<PlannedAction> {
    const named = this.models('Predicate', { space: appSpace, labels: { preflight: true } });
    return this.runPredicates(
      named.map(({ id }) => `id::${id ?? ''}`),
      'Installation checks',
    );
  }

  /** planAction works out an action, by its id or as a client wrote it down. `given` is data such as `{values}`. */
  async planAction(action: unknown, given: Dict = {}, space?: string): Promise<PlannedAction> {
    const model = await this.#action(action);
    return plan(this.#planner, model, { ...given, ...(space === undefined ? {} : { config_space: space }) });
  }

  /** actions lists those labelled `searchable`. */
  async actions(filter: Filter = {}): Promise<ActionView[]> {
    const views: ActionView[] = [];
    for (const action of this.models('Action', { labels: { searchable: true }, ...spaceQuery(filter) }))
      views.push(await actionView(action));
    return views;
  }

  /** action shows one, by its id, as a client wrote it down, or as a model. */
  async action(action: unknown): Promise<ActionView> {
    return actionView(await this.#action(action));
  }

  /** checkAsAction is a predicate as the action that runs it. @throws Fault not_found */
  async checkAsAction(id: string): Promise<ModelView> {
    const predicate = this.model(id, 'Predicate');
    const config = { kind: 'RunPredicateAction', id, predicate: `id::${id}`, ...shownOf(predicate.config) };
    this.bundle.sources.add(config, { file: '(request)', line: 1, column: 1 });
    return Model.of(this.#evaluation, config, 'RunPredicateAction');
  }

  /** checks lists the predicates that are labelled `searchable`. */
  async checks(filter: Filter = {}): Promise<ActionView[]> {
    const views: ActionView[] = [];
    for (const check of this.models('Predicate', { labels: { searchable: true }, ...spaceQuery(filter) }))
      views.push(await actionView(check));
    return views;
  }

  async presets(space: string = appSpace): Promise<PresetView[]> {
    const views: PresetView[] = [];
    for (const preset of this.models('Preset', { space }))
      views.push(await presetView(preset, this.models('ManifestVariable', { space })));
    return views;
  }

  /** planPreset commits the assignments of a preset that are on the list. @throws Fault invalid_body when the list is empty */
  async planPreset(id: string, whitelist: readonly string[]): Promise<PlannedAction> {
    const preset = this.model(id, 'Preset');
    if (whitelist.length === 0) throw new Fault('invalid_body', { public: 'whitelist empty/absent' });
    const values = await presetAssignments(preset, whitelist);
    return this.planAction('sdk.action.commit_template_apply_safely', { values }, preset.configSpace);
  }

  /** status computes how a space is: by its predicate labelled `status_computer`. */
  async status(space: string = appSpace): Promise<'running' | 'broken' | 'error'> {
    const [computer] = this.models('Predicate', { space, labels: { status_computer: true } });
    if (!computer) return 'error';
    try {
      return (await computer.supply()) ? 'running' : 'broken';
    } catch (error) {
      computer.note(undefined, error instanceof Error ? error.message : String(error));
      return 'error';
    }
  }

  /** views are the pages, tiles and tables of the app. */
  get views(): Views {
    return viewsOf(this.#desk);
  }

  /** updates are releases and injections. */
  get updates(): Updates {
    return updatesOf(this.#desk);
  }

  /** upkeep is what there is around the app. */
  get upkeep(): Upkeep {
    return upkeepOf(this.#desk);
  }

  /** checkVariable runs what checks the value that a variable is set to. */
  async checkVariable(id: string, space: string = appSpace): Promise<PlannedAction> {
    const variable = this.#variable(id, space);
    return this.runPredicates(await healthPredicatesOf(variable), `Checks of ${id}`, variable);
  }

  get #desk(): Desk {
    return {
      evaluation: this.#evaluation,
      model: (id, kind) => this.model(id, kind),
      models: (kind, query) => this.models(kind, query),
      planAction: (action, given, space) => this.planAction(action, given, space),
      runPredicates: (predicates, title, around) => this.runPredicates(predicates, title, around),
      planChange: (named, edits) => planEdits(this.#planner, this.#nothing({ kind: 'MultiAction', ...named }), edits),
    };
  }

  #nothing(config: Dict): ModelView {
    return Model.of(this.#evaluation, config, 'MultiAction');
  }

  /** defaults are the variables of level 0. */
  async defaults(space: string = appSpace): Promise<Dict> {
    return (await readSpace(this.#evaluation, space)).default_vars;
  }

  async validateField(
    operationId: string,
    stepId: string,
    fieldId: string,
    value: unknown,
    state?: OperationState,
    others?: Dict,
  ): Promise<ValidationView> {
    const [, step] = await this.#step(operationId, stepId);
    return validationView(await validateField(step, fieldId, value, state, others));
  }

  async nextStep(operationId: string, stepId: string, state?: OperationState): Promise<string> {
    const [operation, step] = await this.#step(operationId, stepId);
    return nextStepId(operation, step, state);
  }

  async #action(action: unknown): Promise<ModelView> {
    if (isModel(action)) return action;
    return typeof action === 'string' ? this.model(action, 'Action') : this.inline(action, 'Action');
  }

  /** An operation is named, or written down as base64 of JSON. */
  async #operation(id: string): Promise<ModelView> {
    const written = this.bundle.has(id) ? id : namedOrInline(id);
    return typeof written === 'string' ? this.model(written, 'Operation') : this.inline(written, 'Operation');
  }

  async #step(operationId: string, stepId: string): Promise<[ModelView, ModelView]> {
    const operation = await this.#operation(operationId);
    return [operation, await findStep(operation, stepId)];
  }

  #variables(filter: Filter): ModelView[] {
    const query = {
      ...spaceQuery(filter),
      ...(filter.categories ? { category: filter.categories } : {}),
      ...(filter.ids ? { id: filter.ids } : {}),
    };
    return this.models('ManifestVariable', query).filter(({ id }) => !id?.includes('template'));
  }

  #variable(id: string, space: string): ModelView {
    const found = this.bundle.find(id, 'ManifestVariable');
    if (found) return Model.of(this.#evaluation, found.config, found.kind);
    const made = { id, kind: 'ManifestVariable', owner: 'user_vars', space, config_space: space, title: '', info: '' };
    return Model.of(this.#evaluation, made, 'ManifestVariable');
  }

  #answer<T>(value: T, what: string): T {
    return this.#evaluation.parts.budget.output(value, () => ({ descriptor: what }));
  }
}

/** openSession begins to answer for one install. */
export const openSession = (bundle: Bundle, options: SessionOptions): Session => new Session(bundle, options);
