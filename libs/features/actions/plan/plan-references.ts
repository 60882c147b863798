import {
  planDataMembers as dataMembers,
  isMarked,
  literalMark,
  referenceMark as mark,
  type UndoStep,
  type WorkStep,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { outputsOfStep } from '../steps/kinds.js';
import type { PlanIssue } from './plan-issue.js';
import type { PlanNode } from './plan-nodes.js';
import { isBefore } from './plan-order.js';

type Step = WorkStep | UndoStep;

/** A value of a plan that is what an earlier step gave: `{ "$from": "steps.<id>.<member>…" }`. */
interface Reference {
  readonly path: string;
  readonly from: string;
}

const form = /^steps\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)((?:\.[^.]+)+)$/;

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isReference = (value: unknown): value is Readonly<Record<string, unknown>> => isMarked(value, mark);

/** referencesIn lists what a step wants to be filled in, each with its place. */
export function referencesIn(step: Step, path = ''): Reference[] {
  const found: Reference[] = [];
  const walk = (value: unknown, at: string): void => {
    if (isReference(value)) found.push({ path: at, from: String(value[mark]) });
    else if (typeof value === 'object' && value !== null && !isMarked(value, literalMark))
      for (const [name, member] of Object.entries(value)) walk(member, `${at}.${name}`);
  };
  for (const member of dataMembers)
    if (Object.hasOwn(step, member)) walk(step[member as keyof Step], `${path}.${member}`);
  return found;
}

/** referenceIssues finds references that cannot resolve: to no step, to one that has not ended surely, to what a step of its kind never gives. */
export function referenceIssues(nodes: readonly PlanNode[]): PlanIssue[] {
  const named = new Map(nodes.flatMap((node) => ('id' in node.step && node.step.id ? [[node.step.id, node]] : [])));
  return nodes.flatMap((node) => {
    if (node.role === 'group') return [];
    return referencesIn(node.step, node.path).flatMap(({ path, from }) => {
      const message = faultOf(from, node, nodes, named);
      return message === undefined ? [] : [{ path, message }];
    });
  });
}

function faultOf(
  from: string,
  node: PlanNode,
  nodes: readonly PlanNode[],
  named: ReadonlyMap<string, PlanNode>,
): string | undefined {
  const [, id = '', members = ''] = form.exec(from) ?? [];
  if (id === '') return `"${from}" is not the form steps.<id>.<member>`;
  const about = named.get(id);
  if (about?.role !== 'work') return `no step is called "${id}"`;
  // An undo step comes after the step that it undoes, and so after everything before that.
  const place = node.role === 'undo' ? (node.parent ?? 0) : node.position;
  const hasEnded = isBefore(nodes, about.position, place) || (node.role === 'undo' && about.position === place);
  if (!hasEnded) return `step "${id}" has not ended when this is asked`;
  const [, member = ''] = members.split('.');
  const outputs = outputsOfStep(about.step);
  return outputs.includes(member)
    ? undefined
    : `a step of kind ${about.step.kind} gives no "${member}"${outputs.length ? ` but ${outputs.join(', ')}` : ''}`;
}

/**
 * resolveReferences fills in what earlier steps gave, and takes literals out of their marks: what came from somebody's values is never read as a
 * reference. Text that is JSON may be looked into.
 * @throws Fault step_failed with the place of a reference that leads nowhere
 */
export function resolveReferences<S extends Step>(step: S, outputOf: (id: string) => unknown): S {
  const fill = (value: unknown, path: string): unknown => {
    if (isReference(value)) return lookUp(String(value[mark]), path, outputOf);
    if (isMarked(value, literalMark)) return value[literalMark];
    if (Array.isArray(value)) return value.map((item, i) => fill(item, `${path}.${i}`));
    if (!isTree(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, `${path}.${name}`)]));
  };
  const filled = dataMembers
    .filter((member) => Object.hasOwn(step, member))
    .map((member) => [member, fill(step[member as keyof S], member)]);
  return { ...step, ...Object.fromEntries(filled) };
}

function lookUp(from: string, path: string, outputOf: (id: string) => unknown): unknown {
  const [, id = '', members = ''] = form.exec(from) ?? [];
  let value = outputOf(id);
  for (const member of members.split('.').slice(1)) {
    const inside = typeof value === 'string' ? parsed(value) : value;
    value =
      typeof inside === 'object' && inside !== null && Object.hasOwn(inside, member)
        ? (inside as Record<string, unknown>)[member]
        : undefined;
  }
  if (value === undefined)
    throw new Fault('step_failed', {
      public: `${path}: ${from} has no value.`,
      extra: { reason: 'UnresolvedReference' },
    });
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
