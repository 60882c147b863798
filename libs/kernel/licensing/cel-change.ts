import type { ASTNode } from '@marcbachmann/cel-js';
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
  const terms = solve(timed, fixed);
  if (!terms) return undefined;
  const values: [1 | -1, Part][] = [];
  for (const [sign, node] of terms) {
    const value = part(node);
    if (!value) return undefined;
    values.push([sign, value]);
  }
  const exact = terms.length === 1 ? exactSteps(op, timed === left) : [0, 1];
  return (variables) => {
    const at = sumOf(values, variables);
    if (at === undefined) return Infinity;
    const now = variables.now.getTime();
    return Math.min(...exact.map((step) => at + step).filter((instant) => instant > now));
  };
}

/** exactSteps tells where around `t` a comparison changes: `now < t` and `now >= t` at t, `now <= t` and `now > t` one millisecond later. */
function exactSteps(op: string, nowIsLeft: boolean): readonly number[] {
  if (op === '==' || op === '!=') return [0, 1];
  const atOnce = nowIsLeft ? op === '<' || op === '>=' : op === '>' || op === '<=';
  return atOnce ? [0] : [1];
}

function solve(timed: ASTNode, fixed: ASTNode): Terms | undefined {
  if (isNow(timed)) return [[1, fixed]];
  if (timed.op !== '+' && timed.op !== '-') return undefined;
  const [a, b] = timed.args;
  if (isNow(a) && !readsNow(b))
    return [
      [1, fixed],
      [timed.op === '+' ? -1 : 1, b],
    ];
  if (!isNow(b) || readsNow(a)) return undefined;
  return timed.op === '+'
    ? [
        [1, fixed],
        [-1, a],
      ]
    : [
        [1, a],
        [-1, fixed],
      ];
}

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
