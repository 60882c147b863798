import { Refusal } from '../serve.js';

export type Value = string | number | boolean;
/** Flat (`web.replicas`) or deep (`{web: {replicas}}`): both are accepted everywhere. */
export type Assignments = Record<string, unknown>;

interface Variable {
  readonly id: string;
  readonly title: string;
  readonly info: string;
  readonly category: 'web' | 'store';
  readonly initial: Value;
  /** The sentence that says what is wrong with a value. */
  readonly problem: (value: unknown) => string | undefined;
}

const text =
  (max: number, pattern = /^[^\p{Cc}]*$/u, what = 'one line of text') =>
  (value: unknown) =>
    typeof value === 'string' && value.length > 0 && value.length <= max && pattern.test(value)
      ? undefined
      : `must be ${what} of 1 to ${max} characters`;
const integer = (min: number, max: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max
    ? undefined
    : `must be a whole number from ${min} to ${max}`;
const image = text(300, /^[a-z0-9][\w.:/@-]*$/, 'an image reference');

export const replicasMax = 20;

/** All that an operator of a guestbook may set. */
const variables: readonly Variable[] = [
  {
    id: 'web.replicas',
    title: 'Web replicas',
    info: 'How many copies of the page run.',
    category: 'web',
    initial: 1,
    problem: integer(0, replicasMax),
  },
  {
    id: 'web.image',
    title: 'Web image',
    info: 'Image of the page.',
    category: 'web',
    initial: 'nmachine/guestbook:1',
    problem: image,
  },
  {
    id: 'web.greeting',
    title: 'Greeting',
    info: 'The first line of the page.',
    category: 'web',
    initial: 'Welcome! Leave a line.',
    problem: text(200),
  },
  {
    id: 'store.image',
    title: 'Store image',
    info: 'Image of the store of entries.',
    category: 'store',
    initial: 'nmachine/guestbook:1',
    problem: image,
  },
  {
    id: 'store.entriesMax',
    title: 'Entries kept',
    info: 'The oldest entries beyond this number are dropped.',
    category: 'store',
    initial: 1000,
    problem: integer(1, 100_000),
  },
];

/** The four levels of a Kamafile, weakest first. */
const levels = ['default_vars', 'vendor_injection_vars', 'user_injection_vars', 'user_vars'] as const;
export type Levels = Readonly<Record<(typeof levels)[number], Assignments>>;

/** flatten turns deep assignments into flat ones: `{a: {b: 1}}` → `{'a.b': 1}`. */
export function flatten(assignments: Assignments, prefix = ''): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(assignments)) {
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (nested) Object.assign(flat, flatten(value as Assignments, `${prefix}${key}.`));
    else flat[`${prefix}${key}`] = value;
  }
  return flat;
}

/** deepen is the reverse of flatten. Keys come from `variables` only, so none of them can reach a prototype. */
export function deepen(flat: Readonly<Record<string, unknown>>): Assignments {
  const deep: Record<string, Record<string, unknown>> = {};
  for (const [key, value] of Object.entries(flat)) {
    const [group = '', name = ''] = key.split('.');
    deep[group] ??= {};
    deep[group][name] = value;
  }
  return deep;
}

/** checkAssignments gives the flat form of what a client wants to set, or refuses it with each fault. */
export function checkAssignments(input: unknown): Record<string, Value> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new Refusal(400, 'invalid_assignments', 'Send {"assignments": {"web.replicas": 2}}.');
  const flat = flatten(input as Assignments);
  if (Object.keys(flat).length === 0) throw new Refusal(400, 'invalid_assignments', 'There is nothing to assign.');
  const faults = Object.entries(flat).flatMap(([key, value]) => {
    const variable = variables.find((each) => each.id === key);
    const problem = variable ? variable.problem(value) : 'is no variable of this app';
    return problem ? [`${key} ${problem}`] : [];
  });
  if (faults.length) throw new Refusal(400, 'invalid_assignments', `${faults.join('; ')}.`);
  return flat as Record<string, Value>;
}

/** valuesOf merges the four levels, each over the one before it. */
export function valuesOf(kamafile: Levels): Record<string, Value> {
  const values: Record<string, unknown> = Object.fromEntries(variables.map((each) => [each.id, each.initial]));
  for (const level of levels) Object.assign(values, flatten(kamafile[level]));
  return values as Record<string, Value>;
}

/** describeVariables is what `GET /api/variables/all` lists: each value with the levels that it comes from. */
export function describeVariables(kamafile: Levels): object[] {
  const values = valuesOf(kamafile);
  const flat = levels.map((level) => flatten(kamafile[level]));
  return variables.map((variable) => ({
    id: variable.id,
    flat_key: variable.id,
    title: variable.title,
    info: variable.info,
    category: variable.category,
    is_user_writable: true,
    config_space: 'app',
    value: values[variable.id],
    is_valid: variable.problem(values[variable.id]) === undefined,
    assignments: levels.map((level, number) => ({
      level_name: level.replace(/_vars$/, ''),
      level_number: number,
      value: flat[number]?.[variable.id] ?? null,
      is_present: variable.id in (flat[number] ?? {}),
    })),
  }));
}

/** defaultVars is level 0 of a new install. */
export const defaultVars = (): Assignments =>
  deepen(Object.fromEntries(variables.map((each) => [each.id, each.initial])));
