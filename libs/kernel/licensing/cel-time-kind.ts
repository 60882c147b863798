import type { ASTNode } from '@marcbachmann/cel-js';
import { fields, ownPrefix } from './cel-environment.js';

type TimeKind = 'instant' | 'span' | undefined;
/** Names that macros bind, with the literals that each stands for one after the other. */
type Bound = ReadonlyMap<string, readonly ASTNode[]>;

/** timeKindOf tells timestamps and durations from everything else before types are checked. */
export function timeKindOf(node: ASTNode | undefined, bound: Bound): TimeKind {
  switch (node?.op) {
    case 'id':
      return node.args === 'now' ? 'instant' : timeKindOf(bound.get(node.args)?.[0], new Map());
    case '.':
      return isInstantField(node.args[0], node.args[1]) ? 'instant' : undefined;
    case 'call':
      return ofCall(node.args[0]);
    case '+':
    case '-':
      return ofSum(node.op, timeKindOf(node.args[0], bound), timeKindOf(node.args[1], bound));
    case '?:':
      return timeKindOf(node.args[1], bound);
    case '[]':
      return node.args[0].op === 'list' ? timeKindOf(node.args[0].args[0], bound) : undefined;
    default:
      return undefined;
  }
}

const isInstantField = (of: ASTNode, name: string): boolean =>
  of.op === 'id' &&
  of.args === 'licence' &&
  fields.licence[name as keyof typeof fields.licence] === fields.licence.ends_at;

function ofCall(name: string): TimeKind {
  if (name === 'duration') return 'span';
  return name === 'timestamp' || name === `${ownPrefix}timestamp` ? 'instant' : undefined;
}

function ofSum(op: '+' | '-', left: TimeKind, right: TimeKind): TimeKind {
  if (left === undefined || right === undefined) return undefined;
  if (op === '+') return left === right ? left : 'instant';
  return left === right ? 'span' : left;
}
