import type { KatContext } from '../kinds/kat-context.js';
import type { Resource } from '../kinds/resource.js';
import { type EvaluateOptions, evaluate } from './evaluate.js';
import type { QueryState } from './query-state.js';

/** collect reads all that a query gives: ordered, limited, with the relatives that were asked for. */
export async function collect<R extends Resource>(
  state: QueryState<R>,
  options: Partial<EvaluateOptions> = {},
): Promise<R[]> {
  const stopAt = state.order ? undefined : state.limit;
  const found: R[] = [];
  if (state.limit !== 0)
    for await (const page of evaluate(state, { eager: stopAt === undefined, ...options })) {
      for (const one of page) found.push(one);
      if (stopAt !== undefined && found.length >= stopAt) break;
    }
  const chosen = ordered(found, state).slice(0, state.limit);
  await loadRelatives(state, chosen);
  return chosen;
}

/** stream gives a query's pages as they come. An order needs everything first. */
export async function* stream<R extends Resource>(state: QueryState<R>): AsyncGenerator<R[]> {
  if (state.order) {
    yield await collect(state);
    return;
  }
  let left = state.limit ?? Infinity;
  if (left === 0) return;
  for await (const page of evaluate(state, { eager: false })) {
    const wanted = page.length > left ? page.slice(0, left) : page;
    left -= wanted.length;
    await loadRelatives(state, wanted);
    yield wanted;
    if (left === 0) return;
  }
}

function ordered<R extends Resource>(found: R[], { order }: QueryState<R>): R[] {
  if (!order) return found;
  const sign = order.direction === 'asc' ? 1 : -1;
  return found
    .map((one) => ({ one, key: order.by(one) }))
    .sort((left, right) => sign * compare(left.key, right.key))
    .map(({ one }) => one);
}

/** What has no value comes last when ascending. */
function compare(left: unknown, right: unknown): number {
  if (left === undefined || left === null) return right === undefined || right === null ? 0 : 1;
  if (right === undefined || right === null) return -1;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  return Number(left) - Number(right);
}

/** One query for each relation, whatever the number of owners. */
async function loadRelatives<R extends Resource>(state: QueryState<R>, owners: readonly R[]): Promise<void> {
  if (owners.length === 0) return;
  await Promise.all(state.eager.map((name) => loadRelation(state, state.kat, name, owners)));
}

async function loadRelation<R extends Resource>(
  { kind }: QueryState<R>,
  kat: KatContext,
  name: string,
  owners: readonly R[],
): Promise<void> {
  const relation = kind.relations?.[name];
  if (!relation) throw new TypeError(`${kind.facts.kind} has no relation "${name}"`);
  const kinship = await relation.resolve(owners as readonly never[], kat);
  const others = kinship ? await kat.chosen(relation.to, kinship.narrow) : [];
  for (const owner of owners)
    owner.keepRelatives(
      relation,
      kinship ? others.filter((other) => kinship.holds(owner as never, other as never)) : [],
    );
}
