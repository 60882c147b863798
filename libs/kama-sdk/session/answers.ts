import type { Verdict } from '../models/predicates.js';
import type { Dict } from '../values/dict.js';

/** Filter narrows what is listed; a list means any of them. */
export interface Filter {
  readonly spaces?: readonly string[];
  /** Regular expressions on what the descriptor says, as in the original. */
  readonly categories?: readonly string[];
  readonly ids?: readonly string[];
}

/** ValidationView is what a client is told of a typed value. */
export interface ValidationView {
  readonly status: 'valid' | 'warning' | 'error';
  readonly message: string | null;
}

/** validationView tells a client what a predicate said. */
export const validationView = (verdict: Verdict): ValidationView =>
  verdict.met
    ? { status: 'valid', message: null }
    : { status: verdict.tone === 'warning' ? 'warning' : 'error', message: verdict.reason };

/** shownOf is how a model is listed, for another that stands for it. */
export const shownOf = (config: Dict): Dict =>
  Object.fromEntries(
    ['title', 'info', 'tags', 'space'].filter((key) => config[key] !== undefined).map((key) => [key, config[key]]),
  );

export const spaceQuery = ({ spaces }: Filter): Dict => (spaces ? { space: spaces } : {});
