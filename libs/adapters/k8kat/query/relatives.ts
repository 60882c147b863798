import type { AnyRelation, Owner } from '../kinds/kat-context.js';
import type { Resource } from '../kinds/resource.js';
import type { Condition } from './condition.js';
import type { Query } from './query.js';

/**
 * relatives narrows a query to the relatives of some owners, which are read when it runs. When `with()` has loaded them, those are used.
 */
export function relatives<Q extends Query<Resource>>(
  base: Q,
  relation: AnyRelation,
  owners: () => Promise<readonly Owner[]>,
): Q {
  return base.given({
    words: relation.words,
    resolve: async () => {
      const found = await owners();
      if (found.length === 0) return null;
      const loaded = found.map((owner) => owner.loadedRelatives(relation));
      const among = loaded.flatMap((relatives) => (relatives ?? []) as readonly Resource[]);
      if (loaded.every((relatives) => relatives !== undefined)) return { conditions: [], among: [...new Set(among)] };
      const kinship = await relation.resolve(found as readonly never[], base.state.kat);
      if (!kinship) return null;
      const holds: Condition<Resource> = {
        is: 'test',
        words: relation.words,
        test: (other) => found.some((owner) => kinship.holds(owner as never, other as never)),
      };
      return { conditions: [...(kinship.narrow as readonly Condition<Resource>[]), holds] };
    },
  });
}
