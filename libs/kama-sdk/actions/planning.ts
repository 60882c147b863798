import type { PlanStep } from '@nm/kernel/contracts';
import type { Evaluation } from '../resolve/evaluation.js';
import type { ModelView } from '../resolve/model-view.js';
import type { ErrorCapture, RemediationOption } from './action-error.js';
import type { PendingKamafile, SpaceChange } from './pending-kamafile.js';

/** ActionNode is an action in the progress tree that clients draw. */
export interface ActionNode {
  readonly id: string;
  readonly title: string;
  readonly info: string | null;
  status: 'idle' | 'running' | 'positive' | 'negative';
  readonly sub_items: ActionNode[];
  readonly logs: string[];
  debug?: Record<string, unknown>;
  error: (Omit<ErrorCapture, 'extras'> & { readonly remediation_options: readonly RemediationOption[] }) | null;
}

/** KamafileSteps says how changes of the Kamafile are written by a run. */
export type KamafileSteps = (changes: readonly SpaceChange[], first: boolean) => Promise<PlanStep[]> | PlanStep[];

/** BackupSteps says how a copy of the Kamafile is kept by a run. */
export type BackupSteps = (trigger: 'auto' | 'user') => Promise<PlanStep[]> | PlanStep[];

/** Planning is an action on its way to a plan: what is to be done on the cluster, in order, and what the Kamafile will be. */
export interface Planning {
  readonly evaluation: Evaluation;
  readonly pending: PendingKamafile;
  readonly writeKamafile: KamafileSteps;
  readonly backup: BackupSteps | undefined;
  /** Steps of the group that is open. */
  steps: PlanStep[];
  kamafileWritten: boolean;
}

/** What an action gives to those behind it. */
export type Given = Record<string, unknown> | undefined;

/** ActionRule is what one kind of action does when it is planned. */
export interface ActionRule {
  readonly title: string;
  readonly info?: string;
  readonly plan: (action: ModelView, node: ActionNode, planning: Planning) => Promise<Given>;
}

/** flushKamafile puts the changes so far into the plan, before what depends on them. */
export async function flushKamafile(planning: Planning): Promise<void> {
  const changes = planning.pending.take();
  if (changes.length === 0) return;
  planning.steps.push(...(await planning.writeKamafile(changes, !planning.kamafileWritten)));
  planning.kamafileWritten = true;
}

/** addStep puts a step of cluster work into the plan. */
export async function addStep(planning: Planning, step: PlanStep): Promise<void> {
  await flushKamafile(planning);
  planning.steps.push(step);
}
