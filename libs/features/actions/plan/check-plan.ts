import { childDepthMax, planDepthMax, planStepsMax, RunPlan } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { leaves } from '../steps/condition.js';
import { checkStep } from '../steps/kinds.js';
import { type PlanIssue, refIssues } from './plan-issue.js';
import { type PlanNode, planNodes } from './plan-nodes.js';
import { isBefore } from './plan-order.js';
import { referenceIssues } from './plan-references.js';

/** What a plan may weigh as JSON, in characters. */
export const planCharsMax = 1_000_000;
const issuesMax = 50;

/**
 * checkPlan reads a plan and looks at what its form alone cannot say: names that fit in a path, objects that are not lists, conditions on
 * steps that have been before. All problems are reported at once (the first fifty), each with its path. @throws Fault plan_invalid with `issues`
 */
export function checkPlan(input: unknown, { action }: { readonly action?: string } = {}): RunPlan {
  const size = sizeIssue(input);
  if (size) throw planInvalid([size]);
  const parsed = RunPlan.safeParse(input);
  if (!parsed.success)
    throw planInvalid(parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })));
  const total = countSteps(parsed.data);
  const issues = [
    ...(total > planStepsMax
      ? [{ path: 'steps', message: `a plan has at most ${planStepsMax} steps, groups and undo steps in all` }]
      : []),
    ...issuesOf(parsed.data, action === undefined ? [] : [action], ''),
  ];
  if (issues.length) throw planInvalid(issues);
  return parsed.data;
}

/** @param actions the actions that this plan is a part of, the outermost first */
function issuesOf(plan: RunPlan, actions: readonly string[], prefix: string): PlanIssue[] {
  const nodes = planNodes(plan);
  return [
    ...nodes.flatMap((node) => (node.role === 'group' ? [] : checkStep(node.step, node.path))),
    ...conditionIssues(nodes),
    ...referenceIssues(nodes),
  ]
    .map(({ path, message }) => ({ path: `${prefix}${path}`, message }))
    .concat(nodes.flatMap((node) => childIssues(node, actions, prefix)));
}

/** An action that runs itself, through others or not, would never end. */
function childIssues({ step, path }: PlanNode, actions: readonly string[], prefix: string): PlanIssue[] {
  if (step.kind !== 'run-action') return [];
  const at = `${prefix}${path}`;
  if (actions.includes(step.action))
    return [{ path: `${at}.action`, message: `a cycle: ${[...actions, step.action].join(' → ')}` }];
  if (actions.length > childDepthMax)
    return [{ path: `${at}.action`, message: `actions run actions at most ${childDepthMax} deep` }];
  return issuesOf(step.plan, [...actions, step.action], `${at}.plan.`);
}

const countSteps = (plan: RunPlan): number =>
  planNodes(plan).reduce((sum, { step }) => sum + 1 + (step.kind === 'run-action' ? countSteps(step.plan) : 0), 0);

/** Before anything walks through the plan: a value that is too large or too deep must not cost more than a look. */
function sizeIssue(input: unknown): PlanIssue | undefined {
  // A condition may be a few levels deep in each of the groups, a manifest a few more.
  const depthMax = planDepthMax * 2 * (childDepthMax + 1) + 50;
  const deeper = (value: unknown, depth: number): boolean =>
    typeof value === 'object' &&
    value !== null &&
    (depth > depthMax || Object.values(value).some((member) => deeper(member, depth + 1)));
  if (deeper(input, 0)) return { path: 'steps', message: 'the plan is nested too deep' };
  if ((JSON.stringify(input) ?? '').length > planCharsMax)
    return { path: 'steps', message: `a plan has at most ${planCharsMax} characters` };
  return deepestGroup(input) > planDepthMax
    ? { path: 'steps', message: `groups are at most ${planDepthMax} deep` }
    : undefined;
}

function groupDepth(input: unknown): number {
  const { steps } = (input ?? {}) as { steps?: unknown };
  if (!Array.isArray(steps)) return 0;
  return 1 + Math.max(0, ...steps.map(groupDepth));
}

/** Of the plan and of those of the actions that it runs, the depth of the deepest. */
function deepestGroup(input: unknown): number {
  const { steps } = (input ?? {}) as { steps?: unknown };
  if (!Array.isArray(steps)) return 0;
  const inner = steps.flatMap((step) => [deepestGroup(step), deepestGroup((step as { plan?: unknown } | null)?.plan)]);
  return Math.max(groupDepth(input), ...inner);
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

const planInvalid = (issues: readonly PlanIssue[]): Fault =>
  new Fault('plan_invalid', { extra: { issues: issues.slice(0, issuesMax) } });
