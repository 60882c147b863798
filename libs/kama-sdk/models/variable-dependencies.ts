import { Model } from '../resolve/model.js';
import type { EvaluationView, ModelView } from '../resolve/model-view.js';
import { flatKeyOf } from './variables.js';

/** DependencyView is how a variable depends on another, as clients see it. */
export interface DependencyView {
  readonly title: string | null;
  readonly info: string | null;
  readonly other_variable: { readonly id: string | null; readonly space: string | null };
  readonly effect: string;
  readonly is_active: boolean;
}

const preventsRead = 'prevents_read';

interface Pair {
  readonly dependency: ModelView;
  readonly from: ModelView;
  readonly to: ModelView;
}

/** pairsOf lists, once per request, every pair of variables of which one depends on the other. */
function pairsOf(evaluation: EvaluationView, space: string | undefined): Promise<Pair[]> {
  return evaluation.once(`dependencies:${space ?? ''}`, async () => {
    const pairs: Pair[] = [];
    for (const { config } of evaluation.bundle.query(
      'ManifestVariableDependency',
      space === undefined ? {} : { space },
    )) {
      const dependency = Model.of(evaluation, config, 'ManifestVariableDependency');
      const [from, to] = [
        await dependency.childrenOf('from', 'ManifestVariable'),
        await dependency.childrenOf('to', 'ManifestVariable'),
      ];
      for (const left of from) for (const right of to) pairs.push({ dependency, from: left, to: right });
    }
    return pairs;
  });
}

async function isActive({ dependency, from, to }: Pair): Promise<boolean> {
  const attribute = dependency.has('active_condition') ? 'active_condition' : 'active';
  const predicate = await dependency.childOf(attribute, 'Predicate', {
    given: { from_variable: from, to_variable: to },
  });
  return predicate ? Boolean(await predicate.supply()) : false;
}

/** dependenciesOf lists what a variable has a say in (`out`), or what has a say in it (`in`). */
export async function dependenciesOf(variable: ModelView, direction: 'in' | 'out'): Promise<DependencyView[]> {
  const key = await flatKeyOf(variable);
  const views = new Map<string, DependencyView>();
  for (const pair of await pairsOf(variable.evaluation, variable.space)) {
    const [own, other] = direction === 'out' ? [pair.from, pair.to] : [pair.to, pair.from];
    if (own.id !== variable.id && (await flatKeyOf(own)) !== key) continue;
    const words = (await pair.dependency.text('title')) ?? (await pair.dependency.text('info'));
    const effect = await pair.dependency.own('effect');
    views.set(`${pair.dependency.id ?? ''}\0${other.id ?? ''}`, {
      title: words,
      info: words,
      other_variable: { id: other.id ?? null, space: other.space ?? null },
      effect: typeof effect === 'string' ? effect : preventsRead,
      is_active: await isActive(pair),
    });
  }
  return [...views.values()];
}

export const preventsReading = (dependencies: readonly DependencyView[]): boolean =>
  dependencies.some(({ effect, is_active }) => effect === preventsRead && is_active);
