import { Fault } from '@nm/kernel/fault';
import type { QueryState } from '../query/query-state.js';
import type { Resource } from './resource.js';

type Forwarded<R> = {
  [K in keyof R as R[K] extends (...given: never[]) => PromiseLike<unknown> ? K : never]: R[K];
};

/**
 * Ref is one object that may not be there, before it is read. Awaited, it is the wrapper or null. Methods that give promises or queries can
 * be called on it without waiting: `kat.deps().find('web').pods().broken()`. Of an absent object, relations are empty and actions fail (404).
 */
export type Ref<R extends Resource> = PromiseLike<R | null> & Forwarded<R>;

/** refTo makes a Ref. Every use of it reads anew. */
export function refTo<R extends Resource>({ kind, kat }: QueryState<R>, load: () => Promise<R | null>): Ref<R> {
  const orFail = async (): Promise<R> => (await load()) ?? absent(kind.facts.kind);
  return new Proxy({} as Ref<R>, {
    get(_, property) {
      if (property === 'then') return (...handlers: Parameters<Promise<R | null>['then']>) => load().then(...handlers);
      if (typeof property !== 'string') return undefined;
      const relation = kind.relations?.[property];
      if (relation)
        return () =>
          kat.related(relation, async () => {
            const one = await load();
            return one ? [one] : [];
          });
      return async (...given: unknown[]) => {
        const one = await orFail();
        return (one[property as keyof R] as (...given: unknown[]) => unknown).apply(one, given);
      };
    },
  });
}

function absent(kind: string): never {
  throw new Fault('kube_api', {
    public: `There is no such ${kind}.`,
    extra: { status: 404, reason: 'NotFound' },
  });
}
