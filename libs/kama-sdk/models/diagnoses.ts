import type { ErrorCapture } from '../actions/action-error.js';
import { Model } from '../resolve/model.js';
import type { EvaluationView, ModelView } from '../resolve/model-view.js';
import { toBoolean } from '../values/coerce.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';
import { selects } from './resource-selection.js';
import { type Meta, metaOf } from './views-of-models.js';

/** Actionable is what a user may do about a diagnosis. */
export interface Actionable extends Meta {
  readonly operation_id: string | null;
  readonly action: string | null;
}

export interface Diagnosis extends Meta {
  readonly actionables: readonly Actionable[];
}

/** How well a handler suits an error: one for each selector that matches; undefined when one does not. */
async function scoreOf(handler: ModelView, error: ErrorCapture): Promise<number | undefined> {
  const properties = await handler.own('property_selector', { depth: 2 });
  let score = 0;
  for (const [name, allowed] of isDict(properties) ? Object.entries(properties) : []) {
    const actual = deepGet(error, name) ?? deepGet(error.extras, name);
    if (!(Array.isArray(allowed) ? allowed : [allowed]).includes(actual)) return undefined;
    score++;
  }
  if (!handler.has('resource_selector')) return score;
  const selector = await handler.childOf('resource_selector', 'ResourceSelector');
  const resource = resourceOf(error.extras);
  return selector && resource && (await selects(selector, resource)) ? score + 1 : undefined;
}

/** What an error is about: the object itself, or as much of it as its name tells. */
function resourceOf({ resource, resource_signature: signature }: Dict): Dict | undefined {
  if (isDict(resource)) return resource;
  return isDict(signature) ? { kind: signature['kind'], metadata: { name: signature['name'] } } : undefined;
}

/** handlerFor gives the handler that suits an error best; of two that suit it alike, the first. */
export async function handlerFor(evaluation: EvaluationView, error: ErrorCapture): Promise<ModelView | undefined> {
  let best: { readonly handler: ModelView; readonly score: number } | undefined;
  for (const { config, kind } of evaluation.bundle.query('ErrorHandler')) {
    const handler = Model.of(evaluation, config, kind);
    const score = await scoreOf(handler, error);
    if (score !== undefined && score > (best?.score ?? 0)) best = { handler, score };
  }
  return best?.handler;
}

/** diagnosesOf lists what a handler thinks may be wrong: the diagnoses whose predicate holds, and those that have none. */
export async function diagnosesOf(handler: ModelView): Promise<Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  for (const diagnosis of await handler.childrenOf('diagnoses', 'ErrorDiagnosis')) {
    const predicate = diagnosis.has('predicate') ? await diagnosis.childOf('predicate', 'Predicate') : undefined;
    if (predicate && !toBoolean(await predicate.supply())) continue;
    const actionables: Actionable[] = [];
    for (const each of await diagnosis.childrenOf('actionables', 'ErrorActionable'))
      actionables.push({
        ...(await metaOf(each)),
        operation_id: await each.text('operation_id'),
        action: await each.text('action'),
      });
    diagnoses.push({ ...(await metaOf(diagnosis)), actionables });
  }
  return diagnoses;
}
