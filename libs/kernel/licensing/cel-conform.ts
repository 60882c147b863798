import type { ASTNode } from '@marcbachmann/cel-js';
import { inInt, orderOfTexts, timeSum } from './cel-arithmetic.js';
import { childrenOf } from './cel-change.js';

type Handle = (left: unknown, right: unknown, node: ASTNode, evaluator: unknown) => unknown;
type UnaryHandle = (operand: unknown, node: ASTNode, evaluator: unknown) => unknown;

/** What the evaluator keeps at a node once its types are known: how it computes. */
interface Checked {
  readonly checkedType?: { readonly name: string; readonly hasDynType: boolean };
  handle: Handle | UnaryHandle;
}

const checkedOf = (node: ASTNode): Checked => node as unknown as Checked;

const holds: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/**
 * conform puts our own arithmetic where the evaluator's differs from CEL: strings are ordered by code points, ints that do not fit fail, sums of times are exact
 * and fail outside CEL's calendar. Types must have been checked, because the check chooses what is replaced here.
 */
export function conform(node: ASTNode): void {
  for (const child of childrenOf(node)) conform(child);
  const checked = checkedOf(node);
  const own = handleOf(node, checked.handle);
  if (own) checked.handle = own;
}

function handleOf(node: ASTNode, theirs: Handle | UnaryHandle): Handle | UnaryHandle | undefined {
  switch (node.op) {
    case '<':
    case '<=':
    case '>':
    case '>=':
      return mayBe('string', node)
        ? ordering(holds[node.op] as (order: number) => boolean, theirs as Handle)
        : undefined;
    case '+':
    case '-':
      return sum(node.op, theirs as Handle);
    case '/':
      return (...args: Parameters<Handle>) => fitting((theirs as Handle)(...args));
    case '-_':
      return (...args: Parameters<UnaryHandle>) => fitting((theirs as UnaryHandle)(...args));
    default:
      return undefined;
  }
}

const fitting = (value: unknown): unknown => (typeof value === 'bigint' ? inInt(value) : value);

function mayBe(type: string, { args }: ASTNode): boolean {
  const [left, right] = (args as [ASTNode, ASTNode]).map((side) => checkedOf(side).checkedType);
  return [left, right].every((side) => side === undefined || side.hasDynType || side.name === type);
}

const ordering =
  (isSo: (order: number) => boolean, theirs: Handle): Handle =>
  (left, right, node, evaluator) =>
    typeof left === 'string' && typeof right === 'string'
      ? isSo(orderOfTexts(left, right))
      : theirs(left, right, node, evaluator);

const sum =
  (op: '+' | '-', theirs: Handle): Handle =>
  (left, right, node, evaluator) =>
    (typeof left === 'object' ? timeSum(op, left, right) : undefined) ?? theirs(left, right, node, evaluator);
