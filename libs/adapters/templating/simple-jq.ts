type Step =
  | { readonly member: string }
  | { readonly index: number }
  | { readonly each: true }
  | { readonly length: true };

const token =
  /\s*(?:\.(?<name>[A-Za-z_]\w*)|\.?\[\s*(?<index>-?\d{1,9})\s*\]|\.?\[\s*"(?<quoted>[^"\\]*)"\s*\]|\.?\[(?<each>)\s*\]|\|\s*(?<length>length)\s*$|\|\s*(?=\.))/y;

/**
 * simpleJq evaluates the programs that make up nearly all of what descriptors hold, paths such as `.a.b[0]` and `.items | length`, right here; every
 * other program gives undefined and belongs to the engine. Outputs come one by one, as in jq, and where jq would report an error it throws. Its
 * agreement with jq is tested.
 */
export function simpleJq(program: string, input: unknown): Iterable<unknown> | undefined {
  const steps = stepsOf(program);
  return steps && outputs(steps, 0, input ?? null);
}

function* outputs(steps: readonly Step[], from: number, value: unknown): Generator<unknown> {
  const step = steps[from];
  if (!step) yield value;
  else for (const each of apply(step, value)) yield* outputs(steps, from + 1, each);
}

function stepsOf(program: string): Step[] | undefined {
  let text = program.trim();
  if (text === '.') return [];
  if (!text.startsWith('.') || text.length > 200) return undefined;
  // "." alone is the identity, as in ". | length".
  if (/^\.\s*\|/.test(text)) text = text.slice(1).trimStart();
  const steps: Step[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (!found?.groups) return undefined;
    const { name, index, quoted, each, length } = found.groups;
    if (name !== undefined) steps.push({ member: name });
    else if (quoted !== undefined) steps.push({ member: quoted });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (each !== undefined) steps.push({ each: true });
    else if (length !== undefined) steps.push({ length: true });
  }
  return steps;
}

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

function apply(step: Step, value: unknown): unknown[] {
  const kind = kindOf(value);
  if ('member' in step) {
    if (kind === 'null') return [null];
    if (kind !== 'object') throw new TypeError(`Cannot index ${kind} with "${step.member}"`);
    return [Object.hasOwn(value as object, step.member) ? (value as Record<string, unknown>)[step.member] : null];
  }
  if ('index' in step) {
    if (kind === 'null') return [null];
    if (kind !== 'array') throw new TypeError(`Cannot index ${kind} with number`);
    return [(value as unknown[]).at(step.index) ?? null];
  }
  if ('each' in step) {
    if (kind !== 'array' && kind !== 'object') throw new TypeError(`Cannot iterate over ${kind}`);
    return Object.values(value as object);
  }
  return [lengthOf(value, kind)];
}

function lengthOf(value: unknown, kind: string): number {
  if (kind === 'null') return 0;
  if (kind === 'string') return [...(value as string)].length;
  if (kind === 'number') return Math.abs(value as number);
  if (kind === 'boolean') throw new TypeError('boolean has no length');
  return Object.keys(value as object).length;
}
