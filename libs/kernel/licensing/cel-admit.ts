import type { ASTNode } from '@marcbachmann/cel-js';
import { intMax } from './cel-arithmetic.js';
import { fields, ownPrefix, variableNames } from './cel-environment.js';
import { requireFields } from './cel-has.js';
import { isDuration, parseTimestamp, timestampGetters } from './cel-time.js';
import { timeKindOf } from './cel-time-kind.js';
import { networkOf, patternOf, zoneOf } from './cel-values.js';
import { ExpressionError } from './expression-error.js';

/** Bounds of one expression. A unit of cost is about what a comparison takes. */
export const expressionCostMax = 2_000;
const macroDepthMax = 2;

interface Scope {
  /** Names that macros bind, with the literals that each stands for one after the other. */
  readonly bound: ReadonlyMap<string, readonly ASTNode[]>;
  readonly macros: number;
}

const plainMethods = new Set(['startsWith', 'endsWith', 'contains']);
const macros = new Set(['exists', 'all', 'exists_one']);
const getters: ReadonlySet<string> = new Set(timestampGetters);
const binary = new Set(['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%', '&&', '||', '[]']);

/**
 * admit walks a parsed expression and lets through only what access rules may use, by an allow-list. On the way it puts our own functions in place,
 * turns their literal arguments into what they mean, and adds up what an evaluation can cost at most.
 * @throws ExpressionError
 */
export function admit(root: ASTNode): number {
  const cost = costOf(root, { bound: new Map(), macros: 0 });
  if (cost > expressionCostMax)
    throw new ExpressionError(`The expression may cost ${cost} units; at most ${expressionCostMax} are allowed.`, 0);
  return cost;
}

const refuse = (node: ASTNode, message: string): never => {
  throw new ExpressionError(message, node.range.start);
};

function costOf(node: ASTNode, scope: Scope): number {
  if (binary.has(node.op)) {
    const [left, right] = node.args as [ASTNode, ASTNode];
    // The type checker takes duration + timestamp for a duration; the sum is the same the other way round.
    const swaps = node.op === '+' && timeKindOf(right, scope.bound) === 'instant';
    if (swaps && timeKindOf(left, scope.bound) === 'span') rename(node, [right, left]);
    return 1 + costOf(left, scope) + costOf(right, scope);
  }
  switch (node.op) {
    case 'value':
      return ofLiteral(node);
    case 'id':
      return ofName(node, node.args, scope);
    case '.':
      return ofField(node, node.args[0], node.args[1], scope);
    case '!_':
      return 1 + costOf(node.args, scope);
    case '-_':
      return 1 + (node.args.op === 'value' && node.args.args === intMax + 1n ? 1 : costOf(node.args, scope));
    case '?:':
      return 1 + sum(node.args, scope);
    case 'list':
      return 1 + sum(node.args, scope);
    case 'call':
      return ofCall(node, ...node.args, scope);
    case 'rcall':
      return macros.has(node.args[0]) ? ofMacro(node, ...node.args, scope) : ofMethod(node, ...node.args, scope);
    default:
      return refuse(node, 'Maps and optional values are not available in access rules.');
  }
}

const sum = (nodes: readonly ASTNode[], scope: Scope): number =>
  nodes.reduce((total, node) => total + costOf(node, scope), 0);

function ofLiteral(node: ASTNode): number {
  if (typeof node.args === 'bigint' && node.args > intMax) return refuse(node, 'An int has 64 bits.');
  if (['string', 'bigint', 'number', 'boolean'].includes(typeof node.args)) return 1;
  return refuse(node, 'Only strings, ints, doubles, bools and lists can be written in access rules.');
}

function ofName(node: ASTNode, name: string, { bound }: Scope): number {
  if (variableNames.has(name) || bound.has(name)) return 1;
  return refuse(node, `There is no variable "${name}".`);
}

function ofField(node: ASTNode, object: ASTNode, name: string, scope: Scope): number {
  if (object.op === 'id' && object.args in fields && !(name in fields[object.args as keyof typeof fields]))
    return refuse(node, `"${object.args}" has no field "${name}".`);
  return 1 + costOf(object, scope);
}

function ofCall(node: ASTNode, name: string, args: readonly ASTNode[], scope: Scope): number {
  const [only] = args;
  if (only === undefined || args.length > 1)
    return refuse(node, `There is no function "${name}" with ${args.length} arguments.`);
  if (name === 'has') return ofHas(node, only, scope);
  if (name === 'size') return 1 + costOf(only, scope);
  if (name === 'duration') {
    const text = literalOf(only);
    if (text === undefined || !isDuration(text))
      return refuse(only, 'duration() takes a literal of whole hours, minutes and seconds, like "72h" or "1h30m".');
    return 2;
  }
  if (name !== 'timestamp') return refuse(node, `There is no function "${name}".`);
  const text = literalOf(only);
  if (text !== undefined && !parseTimestamp(text))
    return refuse(only, 'timestamp() takes an instant like "2026-01-31T00:00:00Z" or "2026-01-31T09:30:00+02:00".');
  rename(node, [ownPrefix + name, args]);
  return 3 + costOf(only, scope);
}

/** `has(x.field)`: asked of what is no map it fails, where the evaluator says that there is no such field. */
function ofHas(node: ASTNode, asked: ASTNode, scope: Scope): number {
  if (asked.op !== '.') return refuse(asked, 'has() asks for a field, like has(plan.entitlements.sso).');
  requireFields(node, asked.args[0]);
  return 1 + costOf(asked, scope);
}

function ofMethod(node: ASTNode, name: string, receiver: ASTNode, args: readonly ASTNode[], scope: Scope): number {
  const inner = costOf(receiver, scope);
  const [arg] = args;
  if (args.length === 0 && name === 'size') return 1 + inner;
  if (args.length === 0 && (name === 'lowerAscii' || getters.has(name))) {
    rename(node, [ownPrefix + name, receiver, args]);
    return 3 + inner;
  }
  if (arg === undefined || args.length > 1)
    return refuse(node, `There is no method "${name}" with ${args.length} arguments.`);
  if (plainMethods.has(name)) return 2 + inner + costOf(arg, scope);
  if (name === 'matches') return 100 + inner + meant(node, arg, patternOf, 'matches() takes a literal pattern.');
  if (getters.has(name)) return 50 + inner + meant(node, arg, zoneOf, `${name}() takes a literal time zone.`);
  if (name !== 'inCidr') return refuse(node, `There is no method "${name}".`);
  if (literalOf(arg) !== undefined) return 10 + inner + meant(node, arg, networkOf, '');
  for (const literal of literalsOf(arg, scope)) {
    const network = networkOf(literalOf(literal) ?? '');
    if (typeof network === 'string') return refuse(literal, network);
  }
  rename(node, [ownPrefix + name, receiver, args]);
  return 20 + inner + costOf(arg, scope);
}

const literalsOf = (arg: ASTNode, { bound }: Scope): readonly ASTNode[] =>
  arg.op === 'id' ? (bound.get(arg.args) ?? []).filter(({ op }) => op === 'value') : [];

/** meant puts what a literal means in its place. */
function meant(node: ASTNode, arg: ASTNode, read: (text: string) => object | string, otherwise: string): number {
  const text = literalOf(arg);
  if (text === undefined) return refuse(arg, otherwise);
  const value = read(text);
  if (typeof value === 'string') return refuse(arg, value);
  rename(arg, value);
  const [name, ...rest] = node.args as [string, ...unknown[]];
  rename(node, [ownPrefix + name, ...rest]);
  return 1;
}

function ofMacro(node: ASTNode, name: string, list: ASTNode, args: readonly ASTNode[], scope: Scope): number {
  const [variable, body] = args;
  if (variable === undefined || body === undefined || variable.op !== 'id')
    return refuse(node, `${name}() takes a new name and a condition.`);
  if (list.op !== 'list') return refuse(list, `${name}() goes through a list that is written out, like ["a", "b"].`);
  if (variableNames.has(variable.args) || scope.bound.has(variable.args))
    return refuse(variable, `The name "${variable.args}" is taken.`);
  if (scope.macros >= macroDepthMax)
    return refuse(node, `At most ${macroDepthMax} of exists(), all() and exists_one() within each other.`);
  const bound = new Map(scope.bound).set(variable.args, list.args);
  return 1 + costOf(list, scope) + list.args.length * costOf(body, { bound, macros: scope.macros + 1 });
}

const literalOf = (node: ASTNode): string | undefined =>
  node.op === 'value' && typeof node.args === 'string' ? node.args : undefined;

/** rename changes a node before it is type-checked; the parser's nodes are plain objects that nobody else holds. */
function rename(node: ASTNode, args: unknown): void {
  (node as { args: unknown }).args = args;
}
