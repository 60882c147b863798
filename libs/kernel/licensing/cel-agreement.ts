import { parse } from '@bufbuild/cel';
import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './cel-change.js';
import { ExpressionError } from './expression-error.js';

/** A node of the tree that the conforming parser makes (cel.expr.Expr). */
type Peer = ReturnType<typeof parse>['expr'];
type PeerKind = Peer['exprKind'];
type PeerCall = Extract<PeerKind, { case: 'callExpr' }>['value'];
type PeerLoop = Extract<PeerKind, { case: 'comprehensionExpr' }>['value'];

const relations = new Set(['<', '<=', '>', '>=', 'in']);
const comparisons = new Set([...relations, '==', '!=']);
const names: Readonly<Record<string, string>> = {
  in: '@in',
  '[]': '_[_]',
  '?:': '_?_:_',
  '!_': '!_',
  '-_': '-_',
};
const nameOf = (op: string): string => names[op] ?? `_${op}_`;

/**
 * mayGroupOtherwise tells whether a tree holds the one shape that the evaluator's grammar and CEL's build from the same text differently without brackets: an `==`
 * or `!=` with another comparison on its right. Brackets are not in the tree, so `requireAgreement` has to look closer.
 */
export function mayGroupOtherwise(node: ASTNode): boolean {
  const right = node.op === '==' || node.op === '!=' ? (node.args as [ASTNode, ASTNode])[1] : undefined;
  return (right !== undefined && relations.has(right.op)) || childrenOf(node).some(mayGroupOtherwise);
}

/**
 * requireAgreement holds a parsed expression against the tree that a second parser makes from the same text, the one that passes CEL's conformance tests. What
 * the two read differently is refused where they part: who gets in must not depend on one library's grammar.
 * @param root as parsed, before anything in it was replaced @throws ExpressionError
 */
export function requireAgreement(text: string, root: ASTNode): void {
  const parting = partingOf(root, parsePeer(text));
  if (!parting) return;
  const message = comparisons.has(parting.op)
    ? 'Put brackets around one of these comparisons: CEL groups them from left to right.'
    : 'CEL reads this differently: write it in another way, or with brackets.';
  throw new ExpressionError(message, parting.range.start);
}

function parsePeer(text: string): Peer {
  try {
    return parse(text).expr;
  } catch (error) {
    const { location, rawMessage } = error as { location?: { start: { offset: number } }; rawMessage?: string };
    throw new ExpressionError(
      `CEL does not read this: ${rawMessage ?? 'unknown syntax'}.`,
      location?.start.offset ?? 0,
    );
  }
}

/** partingOf gives the first node that stands for something else than its peer. */
function partingOf(node: ASTNode, peer: Peer): ASTNode | undefined {
  const { exprKind } = peer;
  const called = exprKind.case === 'callExpr' ? exprKind.value.function : undefined;
  // `!!` and `--` are taken away there.
  if ((node.op === '!_' || node.op === '-_') && node.args.op === node.op && called !== node.op)
    return partingOf(node.args.args as ASTNode, peer);
  switch (exprKind.case) {
    case 'constExpr':
      return unless(Object.is(constantOf(node), literalOf(exprKind.value.constantKind)), node);
    case 'identExpr':
      return unless(node.op === 'id' && node.args === exprKind.value.name, node);
    case 'selectExpr': {
      const select = exprKind.value.testOnly ? askedField(node) : node;
      if (select?.op !== '.' || select.args[1] !== exprKind.value.field) return node;
      return partingOfAll(node, [select.args[0]], [exprKind.value.operand]);
    }
    case 'listExpr':
      return node.op === 'list' ? partingOfAll(node, node.args, exprKind.value.elements) : node;
    case 'callExpr':
      return partingOfCall(node, exprKind.value);
    case 'comprehensionExpr':
      return partingOfLoop(node, exprKind.value);
    default:
      return node;
  }
}

const unless = (agrees: boolean, node: ASTNode): ASTNode | undefined => (agrees ? undefined : node);

function partingOfAll(
  node: ASTNode,
  ours: readonly ASTNode[],
  theirs: readonly (Peer | undefined)[],
): ASTNode | undefined {
  if (ours.length !== theirs.length) return node;
  for (const [index, our] of ours.entries()) {
    const their = theirs[index];
    const parting = their ? partingOf(our, their) : node;
    if (parting) return parting;
  }
  return undefined;
}

function partingOfCall(node: ASTNode, { function: name, target, args }: PeerCall): ASTNode | undefined {
  if (node.op === 'call') return node.args[0] === name && !target ? partingOfAll(node, node.args[1], args) : node;
  if (node.op === 'rcall')
    return node.args[0] === name && target
      ? partingOfAll(node, [node.args[1], ...node.args[2]], [target, ...args])
      : node;
  if (nameOf(node.op) !== name) return node;
  // Chains are balanced there; the sides and their order are the same.
  if (node.op === '&&' || node.op === '||') return partingOfAll(node, chain(node, node.op), peerChain(args, name));
  return partingOfAll(node, childrenOf(node), args);
}

/** What `exists` and its kin become there: a fold whose step holds the condition. */
function partingOfLoop(node: ASTNode, { iterVar, iterRange, loopStep }: PeerLoop): ASTNode | undefined {
  if (node.op !== 'rcall') return node;
  const [name, list, [variable, condition]] = node.args;
  const step = loopStep?.exprKind.case === 'callExpr' ? loopStep.exprKind.value : undefined;
  const asked = name === 'exists_one' ? step?.args[0] : step?.args[1];
  const isSame = step !== undefined && step.function === stepOf[name];
  if (variable?.op !== 'id' || variable.args !== iterVar || !isSame || !condition) return node;
  return partingOfAll(node, [list, condition], [iterRange, asked]);
}

const stepOf: Readonly<Record<string, string>> = { exists: '_||_', all: '_&&_', exists_one: '_?_:_' };

const askedField = (node: ASTNode): ASTNode | undefined =>
  node.op === 'call' && node.args[0] === 'has' ? node.args[1][0] : undefined;

/** A literal, or the negative of one, which CEL's grammar reads as one. */
function constantOf(node: ASTNode): unknown {
  if (node.op === 'value') return node.args;
  const { args } = node;
  if (node.op !== '-_' || node.args.op !== 'value') return undefined;
  const inner: unknown = (args as ASTNode).args;
  return typeof inner === 'bigint' || typeof inner === 'number' ? -inner : undefined;
}

/** The literals that rules may have; no literal of ours equals another one. */
function literalOf(constant: Extract<PeerKind, { case: 'constExpr' }>['value']['constantKind']): unknown {
  const known = ['boolValue', 'int64Value', 'doubleValue', 'stringValue'];
  return known.includes(constant.case ?? '') ? constant.value : Symbol('another kind');
}

/** The sides of a chain, those of a chain inside of `!!` too: where `!!` is taken away, they are sides of the outer one. */
function chain(node: ASTNode, op: '&&' | '||'): readonly ASTNode[] {
  if (node.op === '!_' && node.args.op === '!_') return chain(node.args.args as ASTNode, op);
  return node.op === op ? node.args.flatMap((side) => chain(side, op)) : [node];
}

const peerChain = (sides: readonly Peer[], name: string): readonly Peer[] =>
  sides.flatMap((side) =>
    side.exprKind.case === 'callExpr' && side.exprKind.value.function === name
      ? peerChain(side.exprKind.value.args, name)
      : [side],
  );
