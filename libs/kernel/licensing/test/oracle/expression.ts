import { inBlock } from './address.js';
import { msOf, parts, zones } from './calendar.js';
import { equal, FAIL, type Instant, kindOf, type Order, type Outcome, order, type Span, type Value } from './values.js';

export type Type = 'bool' | 'string' | 'int' | 'double' | 'ts' | 'dur' | 'dyn' | 'list' | 'map';

/** An expression is generated as this tree; nothing here parses text. */
export interface Node {
  readonly op: string;
  readonly type: Type;
  readonly kids: readonly Node[];
  /** Of a leaf its print, else a name that belongs to the operation: field, loop variable, zone. */
  readonly text?: string;
  readonly value?: Value;
}

export interface Scope {
  readonly variables: ReadonlyMap<string, Value>;
  readonly locals: ReadonlyMap<string, Value>;
}

interface Operation {
  /** How strongly it binds; operands that bind less are put in brackets. */
  readonly binds: number;
  readonly print: (node: Node, operand: (index: number, atLeast: number) => string) => string;
  /** With what its operands came to; any of them failing fails it. */
  readonly strict?: (args: readonly Value[], node: Node) => Outcome;
  /** Where an operand may fail or stay unasked. */
  readonly lazy?: (node: Node, scope: Scope) => Outcome;
}

export const bool = (value: boolean): Node => ({ op: 'literal', type: 'bool', kids: [], text: String(value), value });
export const variable = (text: string, type: Type = 'ts'): Node => ({ op: 'variable', type, kids: [], text });

const infix = (op: string, binds: number, rest: Pick<Operation, 'strict' | 'lazy'>): [string, Operation] => [
  op,
  { binds, print: (_, operand) => `${operand(0, binds)} ${op} ${operand(1, binds + 1)}`, ...rest },
];

/** `&&` and `||`: a side that settles the answer does so whatever the other is. */
const logic = (op: string, binds: number, settles: boolean) =>
  infix(op, binds, {
    lazy: ({ kids }, scope) => {
      const sides = kids.map((kid) => evaluate(kid, scope));
      if (sides.includes(settles)) return settles;
      return sides.every((side) => side === !settles) ? !settles : FAIL;
    },
  });

/**
 * All comparisons bind alike, from left to right. Where `==` or `!=` stands left of another comparison without brackets, or right of one, the page wants brackets:
 * the left operand then binds too weakly.
 */
const comparison = (op: string, rest: Pick<Operation, 'strict'>): [string, Operation] => [
  op,
  {
    binds: 4,
    print: ({ kids }, operand) => {
      const left = kids[0]!.op;
      const mixed = op !== '==' && op !== '!=' && (left === '==' || left === '!=');
      return `${operand(0, mixed ? 5 : 4)} ${op} ${operand(1, 5)}`;
    },
    ...rest,
  },
];
const ordering = (op: string, holds: (order: Order) => boolean) =>
  comparison(op, {
    strict: ([a, b]) => {
      const result = order(a!, b!);
      return result === FAIL ? FAIL : holds(result);
    },
  });

const within = (value: bigint): Outcome => (BigInt.asIntN(64, value) === value ? value : FAIL);
const instant = (ms: number): Outcome => (ms >= msOf(1, 1, 1) && ms < msOf(10_000, 1, 1) ? { instantMs: ms } : FAIL);
/** Ten thousand years are 315,576,000,000 seconds (google/protobuf/duration.proto). */
const span = (ms: number): Outcome => (Math.abs(ms) <= 315_576_000_000_000 ? { spanMs: ms } : FAIL);

type Sum = (a: never, b: never) => Outcome;
const ms = { of: (span: Span) => span.spanMs, at: (time: Instant) => time.instantMs };
/** Arithmetic by the kinds of both sides; what is not in the table fails. */
const sums: Record<string, Record<string, Sum>> = {
  '+': {
    'int int': (a: bigint, b: bigint) => within(a + b),
    'double double': (a: number, b: number) => a + b,
    'string string': (a: string, b: string) => a + b,
    'ts dur': (a: Instant, b: Span) => instant(ms.at(a) + ms.of(b)),
    'dur ts': (a: Span, b: Instant) => instant(ms.of(a) + ms.at(b)),
    'dur dur': (a: Span, b: Span) => span(ms.of(a) + ms.of(b)),
  },
  '-': {
    'int int': (a: bigint, b: bigint) => within(a - b),
    'double double': (a: number, b: number) => a - b,
    'ts dur': (a: Instant, b: Span) => instant(ms.at(a) - ms.of(b)),
    'ts ts': (a: Instant, b: Instant) => span(ms.at(a) - ms.at(b)),
    'dur dur': (a: Span, b: Span) => span(ms.of(a) - ms.of(b)),
  },
  '*': {
    'int int': (a: bigint, b: bigint) => within(a * b),
    'double double': (a: number, b: number) => a * b,
  },
  '/': {
    'int int': (a: bigint, b: bigint) => (b === 0n ? FAIL : within(a / b)),
    'double double': (a: number, b: number) => a / b,
  },
  '%': { 'int int': (a: bigint, b: bigint) => (b === 0n ? FAIL : within(a % b)) },
};
const arithmetic = (op: string, binds: number) =>
  infix(op, binds, {
    strict: ([a, b]) => {
      const sum = sums[op]![`${kindOf(a!)} ${kindOf(b!)}`] as ((a: Value, b: Value) => Outcome) | undefined;
      return sum ? sum(a!, b!) : FAIL;
    },
  });

const method = (name: string, strict: (texts: readonly string[]) => Outcome): [string, Operation] => [
  name,
  {
    binds: 9,
    print: ({ kids }, operand) =>
      `${operand(0, 9)}.${name}(${kids
        .slice(1)
        .map((_, i) => operand(i + 1, 0))
        .join(', ')})`,
    strict: (args) => (args.every((arg) => typeof arg === 'string') ? strict(args) : FAIL),
  },
];

const part = (name: string): [string, Operation] => [
  name,
  {
    binds: 9,
    print: ({ text }, operand) => `${operand(0, 9)}.${name}(${text === undefined ? '' : JSON.stringify(text)})`,
    strict: ([time], { text }) => {
      if (kindOf(time!) !== 'ts') return FAIL;
      const utc = ms.at(time as Instant);
      return BigInt(parts[name]!(text === undefined ? utc : utc + zones[text]!(utc)));
    },
  },
];

/** `exists` and its kin: from what the condition came to for each element. */
const loop = (name: string, settle: (outcomes: readonly Outcome[]) => Outcome): [string, Operation] => [
  name,
  {
    binds: 9,
    print: ({ text }, operand) => `${operand(0, 9)}.${name}(${text}, ${operand(1, 0)})`,
    lazy: ({ kids: [list, condition], text }, { variables, locals }) => {
      const items = evaluate(list!, { variables, locals });
      if (!Array.isArray(items)) return FAIL;
      return settle(
        items.map((item: Value) => evaluate(condition!, { variables, locals: new Map([...locals, [text!, item]]) })),
      );
    },
  },
];
const settledBy = (settles: boolean) => (outcomes: readonly Outcome[]) =>
  outcomes.includes(settles) ? settles : outcomes.every((outcome) => outcome === !settles) ? !settles : FAIL;

function size(value: Value): Outcome {
  if (typeof value === 'string') return BigInt([...value].length);
  if (Array.isArray(value)) return BigInt(value.length);
  return value instanceof Map ? BigInt(value.size) : FAIL;
}

function at(from: Value, key: Value): Outcome {
  if (from instanceof Map) return (typeof key === 'string' ? from.get(key) : undefined) ?? FAIL;
  if (Array.isArray(from) && typeof key === 'bigint') return from[Number(key)] ?? FAIL;
  return FAIL;
}

function isIn(value: Value, where: Value): Outcome {
  if (Array.isArray(where)) return where.some((item: Value) => equal(item, value));
  if (where instanceof Map) return typeof value === 'string' ? where.has(value) : FAIL;
  return FAIL;
}

const leaf = ({ text }: Node) => text!;

const operations = new Map<string, Operation>([
  ['literal', { binds: 10, print: leaf, lazy: ({ value }) => value! }],
  ['negative', { binds: 8, print: leaf, lazy: ({ value }) => value! }],
  ['variable', { binds: 9, print: leaf, lazy: ({ text }, { variables }) => variables.get(text!) ?? FAIL }],
  ['local', { binds: 10, print: leaf, lazy: ({ text }, { locals }) => locals.get(text!) ?? FAIL }],
  [
    'list',
    {
      binds: 10,
      print: ({ kids }, operand) => `[${kids.map((_, i) => operand(i, 0)).join(', ')}]`,
      strict: (args) => args,
    },
  ],
  [
    'field',
    {
      binds: 9,
      print: ({ text }, operand) => `${operand(0, 9)}.${text}`,
      strict: ([from], { text }) => (from instanceof Map ? at(from, text!) : FAIL),
    },
  ],
  [
    'index',
    { binds: 9, print: (_, operand) => `${operand(0, 9)}[${operand(1, 0)}]`, strict: ([from, key]) => at(from!, key!) },
  ],
  [
    'has',
    {
      binds: 9,
      print: ({ text }, operand) => `has(${operand(0, 9)}.${text})`,
      strict: ([from], { text }) => (from instanceof Map ? from.has(text!) : FAIL),
    },
  ],
  logic('||', 2, true),
  logic('&&', 3, false),
  [
    '!',
    { binds: 8, print: (_, operand) => `!${operand(0, 9)}`, strict: ([a]) => (typeof a === 'boolean' ? !a : FAIL) },
  ],
  [
    'neg',
    {
      binds: 8,
      print: (_, operand) => `-${operand(0, 9)}`,
      strict: ([a]) => (typeof a === 'bigint' ? within(-a) : typeof a === 'number' ? -a : FAIL),
    },
  ],
  [
    '?:',
    {
      binds: 1,
      print: (_, operand) => `${operand(0, 2)} ? ${operand(1, 2)} : ${operand(2, 1)}`,
      lazy: ({ kids: [condition, yes, no] }, scope) => {
        const outcome = evaluate(condition!, scope);
        return outcome === true ? evaluate(yes!, scope) : outcome === false ? evaluate(no!, scope) : FAIL;
      },
    },
  ],
  comparison('==', { strict: ([a, b]) => equal(a!, b!) }),
  comparison('!=', { strict: ([a, b]) => !equal(a!, b!) }),
  comparison('in', { strict: ([a, b]) => isIn(a!, b!) }),
  ordering('<', (result) => result === -1),
  ordering('<=', (result) => result === -1 || result === 0),
  ordering('>', (result) => result === 1),
  ordering('>=', (result) => result === 1 || result === 0),
  arithmetic('+', 6),
  arithmetic('-', 6),
  arithmetic('*', 7),
  arithmetic('/', 7),
  arithmetic('%', 7),
  ['size()', { binds: 9, print: (_, operand) => `size(${operand(0, 0)})`, strict: ([a]) => size(a!) }],
  ['.size', { binds: 9, print: (_, operand) => `${operand(0, 9)}.size()`, strict: ([a]) => size(a!) }],
  method('startsWith', ([a, b]) => a!.startsWith(b!)),
  method('endsWith', ([a, b]) => a!.endsWith(b!)),
  method('contains', ([a, b]) => a!.includes(b!)),
  method('lowerAscii', ([a]) => a!.replace(/[A-Z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 32))),
  method('matches', ([a, b]) => (a!.length > 1024 ? FAIL : new RegExp(b!).test(a!))),
  method('inCidr', ([a, b]) => inBlock(a!, b!) ?? FAIL),
  ...Object.keys(parts).map(part),
  loop('exists', settledBy(true)),
  loop('all', settledBy(false)),
  loop('exists_one', (outcomes) =>
    outcomes.every((outcome) => typeof outcome === 'boolean') ? outcomes.filter(Boolean).length === 1 : FAIL,
  ),
]);

/** evaluate walks the tree. */
export function evaluate(node: Node, scope: Scope): Outcome {
  const { lazy, strict } = operations.get(node.op)!;
  if (lazy) return lazy(node, scope);
  const args: Value[] = [];
  for (const kid of node.kids) {
    const arg = evaluate(kid, scope);
    if (arg === FAIL) return FAIL;
    args.push(arg);
  }
  return strict!(args, node);
}

/** print writes the tree as an expression, with no more brackets than it needs. */
export function print(node: Node): string {
  return operations.get(node.op)!.print(node, (index, atLeast) => {
    const kid = node.kids[index]!;
    const text = print(kid);
    return operations.get(kid.op)!.binds < atLeast ? `(${text})` : text;
  });
}

/** The section "Bounds": what an expression costs, and its nodes. */
export function costOf(node: Node): number {
  const [first, second] = node.kids;
  if (['exists', 'all', 'exists_one'].includes(node.op))
    return 1 + costOf(first!) + Math.max(1, first!.kids.length) * costOf(second!);
  const own = node.op in parts ? (node.text === undefined ? 2 : 49) : (extra[node.op] ?? 0);
  return node.kids.reduce((sum, kid) => sum + costOf(kid), 1 + own);
}
const extra: Record<string, number> = {
  startsWith: 1,
  endsWith: 1,
  contains: 1,
  lowerAscii: 2,
  inCidr: 19,
  matches: 99,
};
