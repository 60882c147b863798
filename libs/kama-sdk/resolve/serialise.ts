import { simpleJq } from '@nm/adapters/templating';
import { isFault } from '@nm/kernel/fault';
import type { Serializer } from '../descriptors/reference.js';
import { isModel, type ModelView } from './model-view.js';
import { readPath } from './native-path.js';

/**
 * serialise takes out of a value what `output` says. A program or path that does not suit the value gives null, as in the original, with a note; one that
 * costs too much ends the evaluation.
 */
export async function serialise(
  model: ModelView,
  value: unknown,
  by: Serializer,
  output: unknown,
  many: unknown,
): Promise<unknown> {
  if (by === 'jq') return byJq(model, value, output, many);
  if (by === 'native') return readPath(value, output, many);
  if (isModel(value) && typeof output === 'string') return value.attr(output);
  model.note(undefined, `">>${String(output)}" needs a model, and there is none.`);
  return null;
}

async function byJq(model: ModelView, value: unknown, output: unknown, many: unknown): Promise<unknown> {
  if (output === null || output === undefined || output === '' || value === null || value === undefined)
    return value ?? null;
  if (typeof output !== 'string' || isModel(value)) {
    model.note('output', isModel(value) ? 'jq cannot read a model; use ">>".' : 'A jq program is text.');
    return null;
  }
  const { budget, tenant } = model.evaluation.parts;
  const standing = () => model.standing('output');
  try {
    const simple = simpleJq(output, value);
    if (simple) return many ? [...simple] : firstOf(simple);
    budget.checkTime(standing);
    const options = { many: Boolean(many), ...(tenant === undefined ? {} : { tenant }) };
    return await model.evaluation.need('jq', model.id ?? model.kind).jq(output, value, options);
  } catch (error) {
    if (isFault(error) && error.code === 'template_limit') throw model.failed('output', error.publicMessage, error);
    if (isFault(error) && error.code !== 'template_failed') throw error;
    model.note('output', error instanceof Error ? error.message : String(error));
    return null;
  } finally {
    budget.checkTime(standing);
  }
}

function firstOf(values: Iterable<unknown>): unknown {
  for (const value of values) return value;
  return null;
}
