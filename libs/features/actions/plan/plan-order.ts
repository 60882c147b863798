import type { PlanNode } from './plan-nodes.js';

/** isBefore tells whether one node surely has ended when another's turn comes. */
export function isBefore(nodes: readonly PlanNode[], about: number, position: number): boolean {
  const mine = ancestors(nodes, position);
  const theirs = ancestors(nodes, about);
  // The first of their ancestors that is not mine: it and my own branch lie side by side in the same group or in the plan.
  const branch = theirs.find((ancestor) => !mine.includes(ancestor));
  if (branch === undefined || branch >= position) return false;
  const shared = nodes[branch]?.parent;
  const group = shared === undefined ? undefined : nodes[shared]?.step;
  return !(group?.kind === 'group' && group.mode === 'parallel');
}

/** From the outermost group down to the node itself. */
function ancestors(nodes: readonly PlanNode[], position: number): number[] {
  const chain: number[] = [];
  for (let at: number | undefined = position; at !== undefined; at = nodes[at]?.parent) chain.unshift(at);
  return chain;
}
