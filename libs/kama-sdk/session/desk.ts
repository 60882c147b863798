import type { PlannedAction } from '../actions/plan-action.js';
import type { Evaluation } from '../resolve/evaluation.js';
import type { ModelView } from '../resolve/model-view.js';
import type { KamafileSpace } from '../resolve/ports.js';
import type { Dict } from '../values/dict.js';

/** Desk is what the parts of a session work with. */
export interface Desk {
  readonly evaluation: Evaluation;
  /** @throws Fault not_found */
  model(id: string, kind?: string): ModelView;
  models(kind: string, query?: Dict): ModelView[];
  planAction(action: unknown, given?: Dict, space?: string): Promise<PlannedAction>;
  runPredicates(predicates: readonly unknown[], title?: string, around?: ModelView): Promise<PlannedAction>;
  /** planChange changes spaces of the Kamafile, and nothing else. */
  planChange(
    named: { readonly id: string; readonly title: string },
    edits: Readonly<Record<string, (before: KamafileSpace) => KamafileSpace>>,
  ): Promise<PlannedAction>;
}
