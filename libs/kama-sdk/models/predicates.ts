import { randomFraction } from '@nm/kernel/ids';
import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { toBoolean } from '../values/coerce.js';
import { compare, compareMany } from '../values/compare.js';
import { hasFormat } from './formats.js';
import { listResources } from './resource-selection.js';

/** Verdict is how a predicate came out, for whoever has to act on it. */
export interface Verdict {
  readonly predicate_id: string | null;
  readonly met: boolean;
  readonly tone: 'error' | 'warning' | '';
  readonly reason: string;
}

const challengeOf = (model: ModelView): Promise<unknown> => model.own('challenge');
const againstOf = (model: ModelView): Promise<unknown> => model.own('check_against');

async function compute(model: ModelView, holds: (model: ModelView) => Promise<boolean>): Promise<boolean> {
  if (toBoolean((await model.own('early_true_if')) ?? (await model.own('early_true')))) return true;
  if (toBoolean(await model.own('early_false_if'))) return false;
  return (await holds(model)) !== toBoolean(await model.own('negate'));
}

async function comparison(model: ModelView): Promise<boolean> {
  const [challenge, against] = [await challengeOf(model), await againstOf(model)];
  const operator = (await model.own('operator')) ?? '==';
  const policy = await model.own('many_policy');
  if (Array.isArray(challenge) && typeof policy === 'string')
    return compareMany(policy, String(operator), challenge, against);
  return compare(String(operator), challenge, against);
}

/** Sub-predicates one after the other, until the outcome is clear. */
async function joined(model: ModelView): Promise<boolean> {
  const operator = (await model.own('operator')) ?? 'and';
  if (operator !== 'and' && operator !== 'or') return false;
  const attribute = model.has('predicates') || !model.has('sub_predicates') ? 'predicates' : 'sub_predicates';
  for (const predicate of await model.childrenOf(attribute, 'Predicate')) {
    const met = Boolean(await predicate.supply());
    if (met === (operator === 'or')) return met;
  }
  return operator === 'and';
}

async function counted(model: ModelView): Promise<boolean> {
  const selector = Object.fromEntries(
    await Promise.all(
      ['res_kind', 'res_name', 'namespace', 'label_selector', 'not_label_selector', 'field_selector']
        .filter((key) => model.has(key))
        .map(async (key) => [key, await model.own(key, { depth: 1 })] as const),
    ),
  );
  const child = await model.child(selector, 'ResourceSelector');
  const found = child ? await listResources(child) : [];
  return compare(String((await model.own('operator')) ?? '=='), found.length, (await againstOf(model)) ?? 1);
}

/** yesOrNo makes a behaviour of what decides; what all predicates have (`negate`, …) is around it. */
export const yesOrNo = (holds: (model: ModelView) => Promise<boolean>): Behaviour => ({
  compute: (model) => compute(model, holds),
});

/** What predicates do, by kind. */
export const predicateBehaviours: Readonly<Record<string, Behaviour>> = {
  Predicate: {
    ...yesOrNo(comparison),
    computed: {
      resolved_challenge: { get: challengeOf },
      resolved_check_against: { get: againstOf },
    },
    fromExpression: (text) => {
      const [operator = '', rest = ''] = text.split('?', 2);
      const [challenge, against] = rest.split('|', 2);
      return against === undefined
        ? { operator, check_against: rest }
        : { operator, challenge, check_against: against };
    },
  },
  MultiPredicate: yesOrNo(joined),
  FormatPredicate: {
    ...yesOrNo(async (model) => hasFormat(await againstOf(model), await challengeOf(model))),
    computed: { reason: { get: async (model) => `Must be a(n) ${String(await againstOf(model))}` } },
  },
  TruePredicate: yesOrNo(() => Promise.resolve(true)),
  FalsePredicate: yesOrNo(() => Promise.resolve(false)),
  RandomPredicate: yesOrNo(() => Promise.resolve(randomFraction() < 2 / 3)),
  ResourceCountPredicate: yesOrNo(counted),
};

/** verdictOf evaluates a predicate, and says why when it does not hold. */
export async function verdictOf(predicate: ModelView): Promise<Verdict> {
  if (await predicate.supply()) return met;
  const tone = (await predicate.attr('severity')) ?? (await predicate.attr('tone'));
  return {
    predicate_id: predicate.id ?? null,
    met: false,
    tone: tone === 'warning' ? 'warning' : 'error',
    reason: String((await predicate.attr('reason')) ?? ''),
  };
}

export const met: Verdict = { predicate_id: null, met: true, tone: '', reason: '' };
