import type { Session } from '@nm/kama-sdk';

type Filter = NonNullable<Parameters<Session['variables']>[0]>;
type Query = Readonly<Record<string, string | undefined>>;

const list = (text: string | undefined): string[] | undefined =>
  text === undefined || text === '' ? undefined : text.split(',').map((each) => each.trim());

/** filterOf reads `?space=a,b&category=x,y&id_in=k1,k2`. */
export function filterOf({ space, category, id_in }: Query): Filter {
  const [spaces, categories, ids] = [list(space), list(category), list(id_in)];
  return { ...(spaces ? { spaces } : {}), ...(categories ? { categories } : {}), ...(ids ? { ids } : {}) };
}

/** spaceOf is the one space of a route that needs one: the first. */
export const spaceOf = ({ space }: Query): string => list(space)?.[0] ?? 'app';
