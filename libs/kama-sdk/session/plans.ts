import { emptySpace, type PendingKamafile } from '../actions/pending-kamafile.js';
import { type PlannedAction, planAction } from '../actions/plan-action.js';
import type { BackupSteps, KamafileSteps, Planning } from '../actions/planning.js';
import { type Buckets, type OperationState, withStep } from '../models/operation-state.js';
import { partition } from '../models/operations.js';
import type { Evaluation } from '../resolve/evaluation.js';
import type { ModelView } from '../resolve/model-view.js';
import type { KamafileSpace } from '../resolve/ports.js';
import { equalValues } from '../values/coerce.js';
import { type Dict, deepMerge } from '../values/dict.js';

/** Planner turns actions into plans for one request. */
export interface Planner {
  readonly evaluation: Evaluation;
  readonly pending: PendingKamafile;
  readonly writeKamafile: KamafileSteps;
  readonly backup: BackupSteps | undefined;
}

const planningOf = (planner: Planner): Planning => ({ ...planner, steps: [], kamafileWritten: false });

/** plan works an action out; `given` is data of the moment, such as the values that somebody wants to commit. */
export function plan(planner: Planner, action: ModelView, given: Dict): Promise<PlannedAction> {
  action.give({ ...given });
  return planAction(action, planningOf(planner));
}

type Edit = (before: KamafileSpace) => KamafileSpace;

/** planEdits changes spaces of the Kamafile. Edits that change nothing make no plan. */
export async function planEdits(
  planner: Planner,
  action: ModelView,
  edits: Readonly<Record<string, Edit>>,
): Promise<PlannedAction> {
  for (const [space, edit] of Object.entries(edits)) {
    const before = (await planner.pending.read(space)) ?? emptySpace;
    if (!equalValues(before, edit(before))) await planner.pending.change(space, edit);
    planner.evaluation.forget(`kamafile:${space}`);
  }
  return plan(planner, action, {});
}

/** SubmittedStep is what comes of submitting a step of an operation. */
export interface SubmittedStep {
  readonly buckets: Buckets;
  /** With the step in it; note the job with `withJob` once it runs. */
  readonly state: OperationState;
  /** None when the step only asks. */
  readonly planned?: PlannedAction;
}

/** submitStep sorts what was typed, then plans the step's action with it. Preferences are kept whatever the action is. */
export async function submitStep(
  planner: Planner,
  step: ModelView,
  values: Dict,
  state: OperationState,
): Promise<SubmittedStep> {
  const buckets = await partition(step, values, state);
  const next = withStep(state, step.id ?? '', buckets);
  const space = step.configSpace;
  if (Object.keys(buckets.prefs).length > 0) {
    await planner.pending.change(space, (before) => ({ ...before, prefs: deepMerge(before.prefs, buckets.prefs) }));
    planner.evaluation.forget(`kamafile:${space}`);
  }
  const action = step.has('action') ? await step.childOf('action', 'Action') : await prefsOnly(step, buckets);
  if (!action) return { buckets, state: next };
  const given = {
    commit: buckets,
    config_space: space,
    telem_event_type: 'operation_step',
    event_name: `${state.operation}::${step.id ?? ''}`,
    event_id: state.id,
  };
  return { buckets, state: next, planned: await plan(planner, action, given) };
}

const prefsOnly = (step: ModelView, { prefs }: Buckets): Promise<ModelView | undefined> =>
  Object.keys(prefs).length === 0
    ? Promise.resolve(undefined)
    : step.child(
        { kind: 'MultiAction', id: 'sdk.action.patch_prefs', title: 'Keep preferences', sub_actions: [] },
        'Action',
      );
