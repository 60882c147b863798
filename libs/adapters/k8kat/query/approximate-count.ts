import type { Resource } from '../kinds/resource.js';
import { objectPath } from '../transport/kube-paths.js';
import type { QueryState } from './query-state.js';
import type { RawPage } from './read-pages.js';

/** approximateCount asks for one object and adds what the server says remains: an estimate, by the API's own words. */
export async function approximateCount<R extends Resource>({ kat, kind }: QueryState<R>): Promise<number> {
  const page = await kat.session.request<RawPage>('GET', objectPath(kind.facts, undefined), { query: { limit: 1 } });
  return (page.items?.length ?? 0) + (page.metadata?.remainingItemCount ?? 0);
}
