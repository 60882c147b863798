import type { Session } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';

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

/** member gives a member of a body that must be there. @throws Fault invalid_body */
export function member(body: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  if (!body || !Object.hasOwn(body, name)) throw new Fault('invalid_body', { public: `The body must have "${name}".` });
  return body[name];
}

/** dictMember gives a member that must be an object; left out, it is empty. @throws Fault invalid_body */
export function dictMember(body: Readonly<Record<string, unknown>> | undefined, name: string): Record<string, unknown> {
  const value = body?.[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Fault('invalid_body', { public: `"${name}" must be an object.` });
  return value as Record<string, unknown>;
}
