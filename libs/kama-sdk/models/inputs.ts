import type { ModelView } from '../resolve/model-view.js';
import { type Dict, isDict } from '../values/dict.js';

/** Option is one choice of an input. */
export interface Option {
  readonly id: unknown;
  readonly title: unknown;
  readonly [member: string]: unknown;
}

/** InputView is how a client draws an input. */
export interface InputView {
  readonly type: string;
  readonly options: readonly unknown[];
  readonly extras: Dict;
}

/** optionsOf lists the choices; plain text is its own title. */
export async function optionsOf(input: ModelView): Promise<readonly unknown[]> {
  const options = await input.attr('options', { depth: input.isA('ViewSpecSelectInput') ? 48 : 1 });
  if (!Array.isArray(options)) return [];
  return options.map((option: unknown) => (isDict(option) ? option : { id: option, title: option }));
}

async function extrasOf(input: ModelView): Promise<Dict> {
  if (!input.isA('SliderInput')) return {};
  return {
    min: (await input.own('min')) ?? 0,
    max: (await input.own('max')) ?? 10,
    step: (await input.own('step')) ?? 1,
    suffix: (await input.own('suffix')) ?? '',
  };
}

export const viewOfInput = async (input: ModelView): Promise<InputView> => ({
  type: input.kind,
  options: await optionsOf(input),
  extras: await extrasOf(input),
});

/** inferredDefault is what an input holds before anybody types: the first option, or off. */
export async function inferredDefault(input: ModelView): Promise<unknown> {
  if (input.isA('CheckboxInput')) return false;
  const [first] = await optionsOf(input);
  return isDict(first) ? (first['id'] ?? null) : null;
}

/** forValidation is a typed value without the suffix that a slider shows. */
export async function forValidation(input: ModelView, value: unknown): Promise<unknown> {
  if (!input.isA('SliderInput') || typeof value !== 'string') return value;
  const suffix = await input.own('suffix');
  if (typeof suffix !== 'string' || suffix === '' || !value.endsWith(suffix)) return value;
  const amount = Number(value.slice(0, -suffix.length));
  return Number.isFinite(amount) ? amount : value;
}
