import { planDepthMax, planStepsMax, RunPlan } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { leaves } from '../steps/condition.js';
import { checkStep } from '../steps/kinds.js';
import { type PlanIssue, refIssues } from './plan-issue.js';
import { type PlanNode, planNodes } from './plan-nodes.js';

/** What a plan may weigh as JSON, in characters. */
export const planCharsMax = 1_000_000;
const issuesMax = 50;

/**
 * checkPlan reads a plan and looks at what its form alone cannot say: names that fit in a path, objects that are not lists, conditions on
 * steps that have been before. All problems are reported at once (the first fifty), each with its path. @throws Fault plan_invalid with `issues`
 */
export function checkPlan(input: unknown): RunPlan {
  const size = sizeIssue(input);
  if (size) throw planInvalid([size]);
  const parsed = RunPlan.safeParse(input);
  if (!parsed.success)
    throw planInvalid(parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })));
  const nodes = planNodes(parsed.data);
  const issues = [
    ...(nodes.length > planStepsMax
      ? [{ path: 'steps', message: `a plan has at most ${planStepsMax} steps, groups and undo steps in all` }]
      : []),
    ...nodes.flatMap((node) => (node.role === 'group' ? [] : checkStep(node.step, node.path))),
    ...conditionIssues(nodes),
  ];
  if (issues.length) throw planInvalid(issues);
  return parsed.data;
}

/** Before anything walks through the plan: a value that is too large or too deep must not cost more than a look. */
function sizeIssue(input: unknown): PlanIssue | undefined {
  // A condition may be a few levels deep in each of the groups, a manifest a few more.
  const depthMax = planDepthMax * 2 + 50;
  const deeper = (value: unknown, depth: number): boolean =>
    typeof value === 'object' &&
    value !== null &&
    (depth > depthMax || Object.values(value).some((member) => deeper(member, depth + 1)));
  if (deeper(input, 0)) return { path: 'steps', message: 'the plan is nested too deep' };
  if ((JSON.stringify(input) ?? '').length > planCharsMax)
    return { path: 'steps', message: `a plan has at most ${planCharsMax} characters` };
  return groupDepth(input) > planDepthMax
    ? { path: 'steps', message: `groups are at most ${planDepthMax} deep` }
    : undefined;
}

function groupDepth(input: unknown): number {
  const { steps } = (input ?? {}) as { steps?: unknown };
  return Array.isArray(steps) ? 1 + Math.max(0, ...steps.map(groupDepth)) : 0;
}

/** A condition may speak of a step that surely has ended when it is asked: an earlier one, not one of a group that it is in or beside at once. */
function conditionIssues(nodes: readonly PlanNode[]): PlanIssue[] {
  const issues: PlanIssue[] = [];
  const ids = new Map<string, number>();
  for (const node of nodes) {
    const id = 'id' in node.step ? node.step.id : undefined;
    if (id === undefined) continue;
    if (ids.has(id)) issues.push({ path: `${node.path}.id`, message: `another step is called "${id}" too` });
    else ids.set(id, node.position);
  }
  for (const node of nodes) {
    if (!('when' in node.step) || !node.step.when) continue;
    issues.push(
      ...leaves(node.step.when, `${node.path}.when`).flatMap(({ condition, path }) => {
        if (!('step' in condition)) return refIssues(condition.object, `${path}.object`);
        const about = ids.get(condition.step);
        return about !== undefined && isBefore(nodes, about, node.position)
          ? []
          : [{ path: `${path}.step`, message: `no step called "${condition.step}" has ended when this is asked` }];
      }),
    );
  }
  return issues;
}

function isBefore(nodes: readonly PlanNode[], about: number, position: number): boolean {
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

const planInvalid = (issues: readonly PlanIssue[]): Fault =>
  new Fault('plan_invalid', { extra: { issues: issues.slice(0, issuesMax) } });
