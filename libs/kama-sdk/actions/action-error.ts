import { matchesQuery } from '../descriptors/query.js';
import { Model } from '../resolve/model.js';
import type { ModelView } from '../resolve/model-view.js';
import { type Dict, isDict } from '../values/dict.js';

/** ErrorCapture is an error of an action, as clients and the hub read it. */
export interface ErrorCapture {
  readonly fatal: boolean;
  readonly type: string;
  readonly reason: string;
  readonly logs: readonly string[];
  readonly extras: Dict;
}

/** RemediationOption is what may help, offered beside the error. */
export interface RemediationOption {
  readonly title: string | null;
  readonly info: string | null;
  readonly button_action: unknown;
}

/** ActionError ends an action, and with `fatal` those around it. */
export class ActionError extends Error {
  override readonly name = 'ActionError';

  constructor(readonly capture: ErrorCapture) {
    super(capture.reason);
  }
}

export const actionError = (type: string, reason: string, extras: Dict = {}, fatal = true): ActionError =>
  new ActionError({ fatal, type, reason, logs: [], extras });

/** remediationsFor lists the options whose `match` suits an error, those that match more closely first. */
export async function remediationsFor(model: ModelView, error: ErrorCapture): Promise<RemediationOption[]> {
  const { evaluation } = model;
  const options: (RemediationOption & { readonly weight: number })[] = [];
  for (const { config, kind } of evaluation.bundle.query('ActionErrorRemediationOption')) {
    const match = config['match'];
    if (!isDict(match) || !matchesQuery(match, error)) continue;
    const option = Model.of(evaluation, config, kind);
    options.push({
      title: await option.text('title'),
      info: await option.text('info'),
      button_action: await option.own('button_action', { depth: 48 }),
      weight: Object.keys(match).length,
    });
  }
  return options.sort((left, right) => right.weight - left.weight).map(({ weight: _, ...option }) => option);
}
