import { isFault } from '@nm/kernel/fault';
import { ActionError, actionError } from '../actions/action-error.js';
import { mergedVars, readSpace } from '../models/kamafile.js';
import { listResources } from '../models/resource-selection.js';
import type { ModelView } from '../resolve/model-view.js';
import type { KubeResource } from '../resolve/ports.js';
import type { Dict } from '../values/dict.js';

/** ResourceQuery says which objects of the install's cluster: as a ResourceSelector does. */
export interface ResourceQuery {
  readonly res_kind: string;
  readonly name?: string;
  /** Without it: the install's. */
  readonly namespace?: string;
  readonly label_selector?: Readonly<Record<string, string>>;
  readonly field_selector?: Readonly<Record<string, unknown>>;
}

/** ModelContext is what the code of a custom model may look at: the install of the request, and nothing else. */
export interface ModelContext {
  /** Of the descriptor. */
  readonly id: string | undefined;
  readonly space: string;
  /** Of the install. */
  readonly namespace: string;
  /** now is the time of the request. */
  now(): Date;
  /** variables gives the merged variables of the descriptor's space, changes that are planned included. */
  variables(): Promise<Dict>;
  prefs(): Promise<Dict>;
  /** resources lists objects with the install's own rights. @throws Fault cluster_forbidden and the like */
  resources(query: ResourceQuery): Promise<readonly KubeResource[]>;
  /** http makes a GET request through the egress policy; undefined when nobody answers. */
  http(url: string): Promise<{ readonly status: number; readonly body: string } | undefined>;
  /** supply gives the value of a supplier, or the yes or no of a predicate, by its id. */
  supply(id: string): Promise<unknown>;
  /** note leaves a word for the publisher beside the answer. */
  note(message: string): void;
  /** signal ends when the request is given up or its time is over. Pass it on to whatever waits. */
  signal(): AbortSignal;
  /** fail ends the model's work with a sentence for the user. In an action, `type` is what remediation options match. @throws always */
  fail(reason: string, options?: { readonly type?: string; readonly extras?: Dict; readonly fatal?: boolean }): never;
}

/** contextOf gives the context of a model. */
export function contextOf(model: ModelView): ModelContext {
  const { evaluation } = model;
  const { parts } = evaluation;
  const signal = (): AbortSignal => parts.budget.call(() => model.standing());
  return {
    id: model.id,
    space: model.configSpace,
    namespace: parts.namespace,
    now: () => parts.clock.now(),
    variables: () => mergedVars(evaluation, model.configSpace),
    prefs: async () => (await readSpace(evaluation, model.configSpace)).prefs,
    resources: async (query) => {
      const selector = await model.child({ ...query }, 'ResourceSelector');
      return selector ? listResources(selector) : [];
    },
    http: (url) => evaluation.need('http', model.id ?? model.kind)(url, signal()),
    supply: async (id) => {
      const named = await model.child(`id::${id}`, 'Model');
      if (!named) throw model.failed(undefined, `there is no "${id}".`);
      return named.supply();
    },
    note: (message) => model.note(undefined, message),
    signal,
    fail: (reason, { type = 'custom_failure', extras = {}, fatal = true } = {}) => {
      throw actionError(type, reason, extras, fatal);
    },
  };
}

/** runCode runs code of the publisher; what it throws becomes a fault that names the descriptor. @throws Fault descriptor_failed, ActionError as it is */
export async function runCode<T>(model: ModelView, code: () => Promise<T> | T): Promise<T> {
  try {
    const value = await code();
    model.evaluation.parts.budget.checkTime(() => model.standing());
    return value;
  } catch (error) {
    if (isFault(error) || (error instanceof ActionError && model.isA('Action'))) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw model.failed(undefined, `the code of ${model.kind} failed: ${message.slice(0, 500)}`, error);
  }
}
