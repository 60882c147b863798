import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { TypeError as CelTypeError, ParseError } from '@marcbachmann/cel-js';
import { environment } from './cel-environment.js';
import type { Variables } from './cel-variables.js';

/** A compiled expression. */
export interface Program {
  readonly readsRequest: boolean;
  /** @throws whatever went wrong at run time */
  readonly test: (variables: Variables) => boolean;
  /** First millisecond after `variables.now` at which the answer may be another one; Infinity: never. */
  readonly nextChangeMs: (variables: Variables) => number;
}

/** What is wrong with an expression, and where it starts (UTF-16 code units from 0). */
export class ExpressionError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** compileExpression checks an expression and makes it ready to run. @throws ExpressionError */
export function compileExpression(text: string): Program {
  const parsed = parse(text);
  const { valid, type, error } = parsed.check();
  if (!valid) throw toExpressionError(error);
  if (type !== 'bool') throw new ExpressionError(`The expression must be of type bool, and is of type ${type}.`, 0);
  const names = rootNames(parsed.ast);
  const readsTime = names.has('now');
  return {
    readsRequest: names.has('request'),
    test: (variables) => isTrue(parsed(variables as unknown as Record<string, unknown>)),
    nextChangeMs: ({ now }) => (readsTime ? now.getTime() + 1 : Infinity),
  };
}

function parse(text: string): ParseResult {
  try {
    return environment.parse(text);
  } catch (error) {
    throw toExpressionError(error);
  }
}

function toExpressionError(error: unknown): unknown {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) return error;
  return new ExpressionError(error.summary, error.range?.start ?? 0);
}

function isTrue(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError('the expression did not give a bool');
  return value;
}

function rootNames(node: ASTNode, into = new Set<string>()): ReadonlySet<string> {
  if (node.op === 'id') into.add(node.args as string);
  visit(node.args, (child) => rootNames(child, into));
  return into;
}

function visit(args: unknown, each: (node: ASTNode) => void): void {
  if (Array.isArray(args)) for (const item of args) visit(item, each);
  else if (typeof args === 'object' && args !== null && 'op' in args && 'args' in args) each(args as ASTNode);
}
