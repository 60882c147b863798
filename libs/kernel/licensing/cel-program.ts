import { type ASTNode, TypeError as CelTypeError, ParseError, type ParseResult } from '@marcbachmann/cel-js';
import { admit } from './cel-admit.js';
import { mayGroupOtherwise, requireAgreement } from './cel-agreement.js';
import { type Change, changesOf, childrenOf } from './cel-change.js';
import { conform } from './cel-conform.js';
import { environment, ownPrefix } from './cel-environment.js';
import type { Variables } from './cel-variables.js';
import { ExpressionError } from './expression-error.js';

/** A compiled expression. */
export interface Program {
  readonly readsRequest: boolean;
  /** It reads the request's path, or the request as a whole: its answer is good for no other path. */
  readonly readsPath: boolean;
  /** What an evaluation can cost at most, in units of about one comparison. */
  readonly cost: number;
  /** @throws whatever went wrong at run time */
  readonly test: (variables: Variables) => boolean;
  /** First millisecond after `variables.now` at which the answer may be another one; Infinity: never. */
  readonly nextChangeMs: (variables: Variables) => number;
}

/** Where an expression comes from: somebody wants to save it, or it was saved. */
export type Origin = 'draft' | 'stored';

/**
 * compileExpression checks an expression and makes it ready to run. A draft is held against a second parser; of a stored one that was done, unless it is older than
 * that and has the shape in which the two are known to part.
 * @throws ExpressionError
 */
export function compileExpression(text: string, origin: Origin = 'draft'): Program {
  const parsed = parse(text);
  const isAsRead = origin === 'stored' && !mayGroupOtherwise(parsed.ast);
  const cost = admit(parsed.ast);
  if (!isAsRead) requireAgreement(text, parse(text).ast);
  const type = typeOf(parsed);
  if (type !== 'bool') throw new ExpressionError(`The expression must be of type bool; it is of type ${type}.`, 0);
  conform(parsed.ast);
  return {
    readsRequest: reads(parsed.ast, 'request'),
    readsPath: readsPath(parsed.ast),
    cost,
    test: (variables) => parsed(variables) === true,
    nextChangeMs: firstOf(changesOf(parsed.ast, (node) => compilePart(text, node))),
  };
}

/**
 * compilePart makes a part of an admitted expression ready to run on its own.
 * @returns undefined when it reads a name that a macro binds, or begins or ends in brackets, which the parser leaves out of its range
 */
function compilePart(text: string, node: ASTNode): ((variables: Variables) => unknown) | undefined {
  try {
    const parsed = parse(text.slice(node.range.start, node.range.end));
    admit(parsed.ast);
    typeOf(parsed);
    conform(parsed.ast);
    return parsed;
  } catch {
    return undefined;
  }
}

const firstOf = (changes: readonly Change[]): Change =>
  changes.length === 0 ? () => Infinity : (variables) => Math.min(...changes.map((change) => change(variables)));

const reads = (node: ASTNode, name: string): boolean =>
  (node.op === 'id' && node.args === name) || childrenOf(node).some((child) => reads(child, name));

const fieldsButPath = new Set<unknown>(['method', 'route_class', 'address']);

/** Whatever is not a plain `request.<field>` of another field counts. */
function readsPath(node: ASTNode): boolean {
  if (node.op === 'id') return node.args === 'request';
  if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'request')
    return !fieldsButPath.has(node.args[1]);
  return childrenOf(node).some(readsPath);
}

function parse(text: string): ParseResult {
  try {
    return environment.parse(text);
  } catch (error) {
    throw explained(error);
  }
}

function typeOf(parsed: ParseResult): string {
  const { valid, type, error } = parsed.check();
  if (!valid || type === undefined) throw explained(error);
  return type;
}

/** explained turns an error of the parser or the type checker into one sentence and a place. */
function explained(error: unknown): unknown {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) return error;
  const sentence = error.summary.replaceAll(ownPrefix, '').replaceAll('google.protobuf.', '');
  return new ExpressionError(sentence, error.range?.start ?? 0);
}
