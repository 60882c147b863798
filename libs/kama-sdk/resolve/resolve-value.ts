import {
  assetsPrefix,
  getPrefix,
  inflatePrefix,
  parseReference,
  type Reference,
  splat,
  splitInterpolation,
} from '../descriptors/reference.js';
import { textOf } from '../values/coerce.js';
import { type Dict, isDict, ownOf, put } from '../values/dict.js';
import { type ModelView } from './model-view.js';
import { serialise } from './serialise.js';

const nothing = new Set(['__none__', '__null__', '__nil__', '__undefined__']);

/**
 * resolveValue interprets a value that stands in a descriptor: expressions, suppliers and, as deep as asked, what is within. Only text of descriptors is
 * interpreted, never what it leads to: a value that somebody typed stays what it is.
 */
export async function resolveValue(model: ModelView, value: unknown, depth: number): Promise<unknown> {
  if (typeof value === 'string') return resolveText(model, value);
  if (Array.isArray(value)) return resolveList(model, value, depth);
  if (isDict(value)) return resolveDict(model, value, depth);
  return value ?? null;
}

/** resolveList resolves each item; a list that "...get::x" leads to is put in item by item. */
export async function resolveList(
  model: ModelView,
  list: readonly unknown[],
  depth: number,
  asItIs: (item: unknown) => boolean = () => false,
): Promise<unknown[]> {
  const resolved: unknown[] = [];
  for (const item of list) {
    model.evaluation.parts.budget.step(0, () => model.standing());
    const turn = model.evaluation.parts.budget.pause();
    if (turn) await turn;
    if (asItIs(item)) resolved.push(item);
    else if (typeof item === 'string' && item.startsWith(splat) && item.slice(splat.length).startsWith(getPrefix)) {
      const inner = await resolveText(model, item.slice(splat.length));
      if (Array.isArray(inner)) resolved.push(...(inner as unknown[]));
      else if (inner !== null) model.note(undefined, `"${item}" leads to no list.`);
    } else resolved.push(await resolveValue(model, item, depth));
  }
  return resolved;
}

async function resolveDict(model: ModelView, dict: Dict, depth: number): Promise<unknown> {
  model.evaluation.parts.budget.step(0, () => model.standing());
  const { kinds, sources } = model.evaluation.bundle;
  const kind = ownOf(dict, 'kind');
  if (
    typeof kind === 'string' &&
    ownOf(dict, 'lazy') !== true &&
    kinds.isA(kind, 'Supplier') &&
    sources.isDescriptor(dict)
  ) {
    const supplier = await model.child(dict, 'Supplier');
    return supplier ? resolveWithin(model, await supplier.supply(), depth) : null;
  }
  return resolveWithin(model, dict, depth);
}

/** resolveWithin goes on into an object or list, if it is part of a descriptor. */
async function resolveWithin(model: ModelView, value: unknown, depth: number): Promise<unknown> {
  if (depth <= 0 || !isDict(value) || !model.evaluation.bundle.sources.isDescriptor(value)) return value;
  const resolved: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) put(resolved, key, await resolveValue(model, each, depth - 1));
  return resolved;
}

async function resolveText(model: ModelView, written: string): Promise<unknown> {
  if (nothing.has(written)) return null;
  const text = await interpolate(model, written);
  // What decides is how the descriptor was written, not what came out of the interpolation.
  if (written.startsWith(getPrefix)) return follow(model, parseReference(text.slice(getPrefix.length)), written);
  if (written.startsWith(inflatePrefix)) {
    const child = await model.child(text.slice(inflatePrefix.length), 'Model');
    return child ?? null;
  }
  if (written.startsWith(assetsPrefix)) {
    const asset = model.evaluation.bundle.asset(text.slice(assetsPrefix.length), model.space);
    if (asset === undefined) model.note(undefined, `There is no asset "${text.slice(assetsPrefix.length)}".`);
    return asset ?? '';
  }
  return text;
}

async function interpolate(model: ModelView, text: string): Promise<string> {
  if (!text.includes('${')) return text;
  let whole = '';
  for (const part of splitInterpolation(text)) {
    if ('literal' in part) whole += part.literal;
    else if (!part.expression.startsWith(getPrefix)) whole += part.expression;
    else whole += textOf(await follow(model, parseReference(part.expression.slice(getPrefix.length)), part.expression));
  }
  return whole;
}

/** follow resolves a reference for a model. What leads nowhere is null, as in the original; a note says so. */
async function follow(model: ModelView, { head, steps }: Reference, written: string): Promise<unknown> {
  model.evaluation.parts.budget.step(0, () => model.standing());
  let rest = steps;
  let value: unknown;
  if (!('name' in head)) value = nearby(model, head.type);
  else if (head.lazy) value = (await model.child(`${head.type}::${head.name}`, 'Model')) ?? null;
  else {
    const target = await inflate(model, head.type, head.name);
    if (!target) {
      model.note(undefined, `"${written}" leads nowhere.`);
      return null;
    }
    const [first] = steps;
    // A serializer behind the name takes the place of the supplier's own.
    if (first && target.isA('Supplier')) {
      rest = steps.slice(1);
      value = await target.with({ serializer: first.by, output: first.text }).supply();
    } else value = target.isA('Supplier') || target.isA('Predicate') ? await target.supply() : target;
  }
  for (const step of rest) value = await serialise(model, value, step.by, step.text, null);
  return value ?? null;
}

const nearby = (model: ModelView, what: 'self' | 'parent' | 'ns'): unknown =>
  what === 'ns' ? model.evaluation.parts.namespace : what === 'self' ? model : (model.parent ?? null);

async function inflate(model: ModelView, type: 'id' | 'kind', name: string): Promise<ModelView | undefined> {
  if (type === 'kind')
    return model.evaluation.bundle.kinds.find(name) ? model.child({ kind: name }, 'Model') : undefined;
  const { bundle } = model.evaluation;
  const found = bundle.find(name, 'Supplier') ?? bundle.find(name, 'Predicate');
  return found && model.child(found.config, 'Model');
}
