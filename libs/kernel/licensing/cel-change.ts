import type { ASTNode } from '@marcbachmann/cel-js';
import { firstInstantMs, lastInstantMs } from './cel-arithmetic.js';
import { ownPrefix } from './cel-environment.js';
import type { Variables } from './cel-variables.js';

/** Gives the first millisecond after `now` at which one part of an expression may give another answer. */
export type Change = (variables: Variables) => number;

/** Evaluates a part of the expression that doesn't depend on the time. */
type Part = (variables: Variables) => unknown;
/** Makes a part ready to run on its own; undefined when it reads a name that a macro binds. */
export type CompilePart = (node: ASTNode) => Part | undefined;

const orders = new Set(['<', '<=', '>', '>=', '==', '!=']);
const second = 1000;
const minute = 60 * second;
const getterSteps: Readonly<Record<string, number>> = { getMilliseconds: 1, getSeconds: second };

/**
 * changesOf finds out when an expression that reads the clock can change its answer. Comparisons of `now`, or of `now` moved by a duration, with something
 * fixed change at that instant. The parts of a date change at whole minutes (every zone's offset is whole minutes since 1972). Whatever else reads the clock
 * may change with each millisecond. Wrong towards "too early" costs time, towards "too late" would be a wrong decision.
 */
export function changesOf(root: ASTNode, part: CompilePart): readonly Change[] {
  if (!readsNow(root)) return [];
  if (orders.has(root.op)) {
    const change = ofComparison(root.op, root.args as [ASTNode, ASTNode], part);
    if (change) return [change];
  }
  if (root.op === 'rcall' && isNow(root.args[1]) && root.args[0].startsWith(`${ownPrefix}get`)) {
    const step = getterSteps[root.args[0].slice(ownPrefix.length)] ?? minute;
    return [({ now }) => (Math.floor(now.getTime() / step) + 1) * step];
  }
  if (isNow(root)) return [({ now }) => now.getTime() + 1];
  return childrenOf(root).flatMap((child) => changesOf(child, part));
}

const isNow = (node: ASTNode): boolean => node.op === 'id' && node.args === 'now';

const readsNow = (node: ASTNode): boolean => isNow(node) || childrenOf(node).some(readsNow);

/** childrenOf gives the operands of a node, whatever its kind. */
export function childrenOf({ args }: ASTNode): readonly ASTNode[] {
  const list: readonly unknown[] = Array.isArray(args) ? (args as unknown[]).flat() : [args];
  return list.filter((item): item is ASTNode => typeof item === 'object' && item !== null && 'op' in item);
}

/** What the clock is compared with, once the comparison is solved for it: the sum of these, each with its sign. */
type Terms = readonly (readonly [sign: 1 | -1, node: ASTNode])[];

/** ofComparison solves `… now … < …` for now. @returns undefined when it isn't of a form that can be solved */
function ofComparison(op: string, [left, right]: readonly [ASTNode, ASTNode], part: CompilePart): Change | undefined {
  const [timed, fixed] = readsNow(left) ? [left, right] : [right, left];
  if (readsNow(fixed)) return undefined;
  const solved = solve(timed, fixed);
  const values = solved && valuesOf(solved.terms, part);
  if (!values) return undefined;
  const moves = solved.moved ? values.slice(1) : [];
  const exact = values.length === 1 ? exactSteps(op, timed === left) : [0, 1];
  return (variables) => {
    const at = sumOf(values, variables);
    if (at === undefined) return Infinity;
    const now = variables.now.getTime();
    const instants = exact.map((step) => at + step);
    // Out of the calendar the sum fails: that is another answer, too.
    const moved = sumOf(moves, variables) ?? 0;
    if (solved.moved) instants.push(firstInstantMs + moved, lastInstantMs + 1 + moved);
    return Math.min(...instants.filter((instant) => instant > now));
  };
}

function valuesOf(terms: Terms, part: CompilePart): (readonly [1 | -1, Part])[] | undefined {
  const values: [1 | -1, Part][] = [];
  for (const [sign, node] of terms) {
    const value = part(node);
    if (!value) return undefined;
    values.push([sign, value]);
  }
  return values;
}

/** exactSteps tells where around `t` a comparison changes: `now < t` and `now >= t` at t, `now <= t` and `now > t` one millisecond later. */
function exactSteps(op: string, nowIsLeft: boolean): readonly number[] {
  if (op === '==' || op === '!=') return [0, 1];
  const atOnce = nowIsLeft ? op === '<' || op === '>=' : op === '>' || op === '<=';
  return atOnce ? [0] : [1];
}

/** A comparison solved for the clock. `moved`: it was an instant, the clock's moved by the negative of the second term. */
interface Solved {
  readonly terms: Terms;
  readonly moved: boolean;
}

function solve(timed: ASTNode, fixed: ASTNode): Solved | undefined {
  if (isNow(timed)) return { terms: [[1, fixed]], moved: false };
  if (timed.op !== '+' && timed.op !== '-') return undefined;
  const [a, b] = timed.args;
  const plus = timed.op === '+';
  const [other, clockFirst] = isNow(a) ? [b, true] : [a, false];
  if (!(clockFirst || isNow(b)) || readsNow(other)) return undefined;
  // `other - now` is a duration.
  if (!plus && !clockFirst)
    return {
      terms: [
        [1, other],
        [-1, fixed],
      ],
      moved: false,
    };
  return {
    terms: [
      [1, fixed],
      [plus ? -1 : 1, other],
    ],
    moved: isSpan(other),
  };
}

/** `now - timestamp` is a duration, which has its own bounds, out of reach of the calendar. */
const isSpan = (node: ASTNode): boolean => typeNameOf(node) !== 'google.protobuf.Timestamp';

const typeNameOf = (node: ASTNode): string | undefined =>
  (node as unknown as { readonly checkedType?: { readonly name: string } }).checkedType?.name;

/** sumOf adds instants and durations in milliseconds. @returns undefined when one has no value: then the comparison fails at any time */
function sumOf(values: readonly (readonly [number, Part])[], variables: Variables): number | undefined {
  let total = 0;
  for (const [sign, value] of values) {
    const ms = millisOf(value, variables);
    if (ms === undefined) return undefined;
    total += sign * ms;
  }
  return total;
}

function millisOf(value: Part, variables: Variables): number | undefined {
  try {
    const result = value(variables);
    const ms = typeof result === 'object' ? Number(result) : Number.NaN;
    return Number.isNaN(ms) ? undefined : Math.round(ms);
  } catch {
    return undefined;
  }
}
