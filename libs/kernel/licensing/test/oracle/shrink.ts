import { bool, type Node } from './expression.js';
import type { Case } from './generate-case.js';

/** Trees that are one step smaller: a node gives way to a node of its type inside it, or to true or false. */
function* smallerTrees(tree: Node): Generator<Node> {
  if (tree.type === 'bool' && tree.kids.length > 0) yield* [bool(true), bool(false)];
  for (const kid of tree.kids) if (kid.type === tree.type) yield kid;
  if (tree.op === 'list')
    for (const [index] of tree.kids.entries())
      if (tree.kids.length > 1) yield { ...tree, kids: tree.kids.filter((_, other) => other !== index) };
  for (const [index, kid] of tree.kids.entries())
    for (const less of smallerTrees(kid)) yield { ...tree, kids: tree.kids.with(index, less) };
}

/** Cases that are one step smaller. */
export function* smaller({ rules, facts, asks }: Case): Generator<Case> {
  if (asks.length > 1)
    for (const [index] of asks.entries()) yield { rules, facts, asks: asks.filter((_, other) => other !== index) };
  for (const [index, rule] of rules.entries()) {
    yield { rules: rules.filter((_, other) => other !== index), facts, asks };
    for (const tree of smallerTrees(rule.tree)) yield { rules: rules.with(index, { ...rule, tree }), facts, asks };
  }
}
