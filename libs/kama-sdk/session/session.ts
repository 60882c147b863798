import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { systemClock } from '@nm/kernel/time';
import type { Bundle } from '../descriptors/bundle.js';
import { type Buckets, type OperationState, withStep } from '../models/operation-state.js';
import { findStep, nextStepId, partition, type StepView, stepView, validateField } from '../models/operations.js';
import type { Verdict } from '../models/predicates.js';
import { validate } from '../models/variables.js';
import {
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
import type { ModelView, Note } from '../resolve/model-view.js';
import type { ClusterReader, HttpReader, Hub, JqEngine, KamafileReader, TemplatingEngine } from '../resolve/ports.js';
import { type Dict, deepToFlat, flatToDeep, isDict } from '../values/dict.js';
import { builtInBehaviours } from './built-in-behaviours.js';

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
  /** Whose turn it is at shared engines: the id of the install. */
  readonly tenant?: string;
  /** The request: when it is given up, so is the evaluation. */
  readonly signal?: AbortSignal;
}

/** Filter narrows what is listed; a list means any of them. */
export interface Filter {
  readonly spaces?: readonly string[];
  /** Regular expressions on what the descriptor says, as in the original. */
  readonly categories?: readonly string[];
  readonly ids?: readonly string[];
}

/** ValidationView is what a client is told of a typed value. */
export interface ValidationView {
  readonly status: 'valid' | 'warning' | 'error';
  readonly message: string | null;
}

export const validationView = (verdict: Verdict): ValidationView =>
  verdict.met
    ? { status: 'valid', message: null }
    : { status: verdict.tone === 'warning' ? 'warning' : 'error', message: verdict.reason };

/** Session answers for one install and one request. It keeps nothing beyond it, and changes nothing. */
export class Session {
  readonly #evaluation: Evaluation;

  constructor(
    readonly bundle: Bundle,
    options: SessionOptions,
  ) {
    const clock = options.clock ?? systemClock;
    this.#evaluation = new Evaluation({
      bundle,
      behaviours: builtInBehaviours(bundle.kinds),
      namespace: options.namespace,
      clock,
      budget: new Budget(clock, options.budget, options.signal),
      kamafile: options.kamafile,
      cluster: options.cluster,
      http: options.http,
      engine: options.engine,
      hub: options.hub,
      jq: options.jq,
      tenant: options.tenant,
    });
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
    return operationView(this.model(id, 'Operation'));
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

  /** submitStep sorts what was typed by where it goes, and notes it in the operation's state. */
  async submitStep(
    operationId: string,
    stepId: string,
    values: Dict,
    state: OperationState,
  ): Promise<{ buckets: Buckets; state: OperationState }> {
    const [, step] = await this.#step(operationId, stepId);
    const buckets = await partition(step, values, state);
    return { buckets, state: withStep(state, stepId, buckets) };
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

  async #step(operationId: string, stepId: string): Promise<[ModelView, ModelView]> {
    const operation = this.model(operationId, 'Operation');
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

const spaceQuery = ({ spaces }: Filter): Dict => (spaces ? { space: spaces } : {});

/** openSession begins to answer for one install. */
export const openSession = (bundle: Bundle, options: SessionOptions): Session => new Session(bundle, options);

/** flatValues are typed values by their flat keys; deep ones are opened. */
export const flatValues = (values: unknown): Dict => (isDict(values) ? deepToFlat(flatToDeep(values)) : {});
