import type { GroupStep, PlanStep, RunPlan, UndoStep, WorkStep } from '@nm/kernel/contracts';

interface NodePlace {
  /** The number of the node's row. */
  readonly position: number;
  /** The group that holds the node, or the step that it undoes. */
  readonly parent: number | undefined;
  /** Where it stands in the plan's JSON: `steps.0.steps.2`. */
  readonly path: string;
}

/** PlanNode is one step or group of a plan with its place. */
export type PlanNode =
  | (NodePlace & { readonly role: 'work'; readonly step: WorkStep })
  | (NodePlace & { readonly role: 'group'; readonly step: GroupStep; readonly children: readonly number[] })
  | (NodePlace & { readonly role: 'undo'; readonly step: UndoStep });

/**
 * planNodes lists every node of a plan: the steps and groups as they are read, a group before its steps; then the undo steps, in the order
 * of the steps that they belong to. The place in the list is the node's position for ever.
 */
export function planNodes(plan: RunPlan): readonly PlanNode[] {
  const nodes: PlanNode[] = [];
  const undoing: { position: number; path: string; steps: readonly UndoStep[] }[] = [];
  const add = (step: PlanStep, parent: number | undefined, path: string): number => {
    const position = nodes.length;
    if (step.kind !== 'group') {
      nodes.push({ role: 'work', position, parent, path, step });
      if (step.kind !== 'approval' && step.undo) undoing.push({ position, path: `${path}.undo`, steps: step.undo });
      return position;
    }
    const children: number[] = [];
    nodes.push({ role: 'group', position, parent, path, step, children });
    for (const [i, child] of step.steps.entries()) children.push(add(child, position, `${path}.steps.${i}`));
    return position;
  };
  for (const [i, step] of plan.steps.entries()) add(step, undefined, `steps.${i}`);
  for (const { position, path, steps } of undoing)
    for (const [i, step] of steps.entries())
      nodes.push({ role: 'undo', position: nodes.length, parent: position, path: `${path}.${i}`, step });
  return nodes;
}
