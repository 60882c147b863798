import type { Serializer } from '../descriptors/reference.js';
import { toBoolean } from '../values/coerce.js';
import { isDict } from '../values/dict.js';
import type { ModelView } from './model-view.js';
import { serialise } from './serialise.js';

/** The words of `serializer`, older ones included; whatever else stands there passes the value on as it is. */
const serializers: Readonly<Record<string, Serializer>> = {
  jq: 'jq',
  native: 'native',
  legacy: 'native',
  attr: 'attr',
  model: 'attr',
};

/** supply works out the value of a supplier, then applies its serializer; of a predicate it gives the yes or no. */
export async function supply(model: ModelView): Promise<unknown> {
  const { compute, final } = model.evaluation.parts.behaviours.of(model.kind);
  if (!compute) {
    model.note(undefined, `A ${model.kind} supplies no value.`);
    return null;
  }
  if (model.isA('Predicate')) return toBoolean(await compute(model));
  const computed = await whole(model, await compute(model));
  if (final) return computed;
  const serializer = (await model.own('serializer')) ?? 'jq';
  if (serializer === 'str') return toText(computed);
  const by =
    typeof serializer === 'string' && Object.hasOwn(serializers, serializer) ? serializers[serializer] : undefined;
  if (!by) return computed;
  return serialise(model, computed, by, await model.own('output'), await model.own('many'));
}

const toText = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');

/** whole resolves what is within a literal source, when `depth` asks for it. */
async function whole(model: ModelView, value: unknown): Promise<unknown> {
  const depth = isDict(value) ? Number(await model.own('depth')) : 0;
  return depth > 0 ? model.resolve(value, depth) : value;
}
