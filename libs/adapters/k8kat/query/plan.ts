import type { KindFacts } from '../kinds/kind-facts.js';
import { objectPath } from '../transport/kube-paths.js';
import { type Condition, type FieldCondition, field, type LabelPair, notField } from './condition.js';
import { type LabelDemand, type Normal, normalise } from './normalise.js';
import { fieldSelector, labelSelector } from './selectors.js';

/** PlannedRead is one GET: of an object, or of a list that is then read page by page. */
export interface PlannedRead {
  readonly of: 'object' | 'list';
  readonly path: string;
  /** Undefined: the whole cluster. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** CompiledPlan splits a conjunction into what the server decides and what is left for us. */
export interface CompiledPlan<R> {
  readonly strategy: 'nothing' | 'objects' | 'list' | 'namespaces' | 'union';
  readonly reads: readonly PlannedRead[];
  /** Judged here, object by object. */
  readonly residue: readonly Condition<R>[];
  /** Fields that were given to the server; it may know less than we think. */
  readonly pushedFields: readonly string[];
  /** What to read when the list of the whole cluster is forbidden. */
  readonly fallback?: readonly PlannedRead[];
}

export interface PlanOptions {
  /** Fields that this server refused before. */
  readonly refused?: ReadonlySet<string>;
  /** Read alternatives of several label keys one by one, instead of everything. */
  readonly selective?: boolean;
  /** No objects by name, for who wants to watch. */
  readonly listsOnly?: boolean;
}

/** So many lists, or objects, are read one by one; above that, one list of everything costs less. */
const fanOutMax = 8;
/** Request lines have a limit, often 8 KiB; names and continue tokens want some of it. */
const selectorCharsMax = 2_500;

/** compile plans a conjunction for a kind (k8kat.md 1.4). No request is needed when no object can match. */
export function compile<R>(
  facts: KindFacts,
  conditions: readonly Condition<R>[],
  options: PlanOptions = {},
): CompiledPlan<R> {
  const normal = normalise(conditions);
  if (!normal) return { strategy: 'nothing', reads: [], residue: [], pushedFields: [] };
  return (options.listsOnly ? undefined : objectReads(facts, normal)) ?? listReads(facts, normal, options);
}

/** Objects by name need no list, if nothing else is for the server to decide. */
function objectReads<R>(facts: KindFacts, normal: Normal<R>): CompiledPlan<R> | undefined {
  const { names, namespaces, labels, fields, anyOf, local } = normal;
  if (!names.allowed || names.allowed.length > fanOutMax) return undefined;
  if (facts.namespaced && namespaces.allowed?.length !== 1) return undefined;
  if (labels.length > 0 || fields.length > 0 || anyOf.length > 0) return undefined;
  const reads = names.allowed.map(
    (name): PlannedRead => ({ of: 'object', path: objectPath(facts, namespaces.allowed?.[0], name) }),
  );
  return { strategy: 'objects', reads, residue: local, pushedFields: [] };
}

function listReads<R>(facts: KindFacts, normal: Normal<R>, options: PlanOptions): CompiledPlan<R> {
  const fields = splitFields(facts, normal, options.refused ?? new Set());
  const labels = splitLabels(normal.labels);
  const [split, ...otherAlternatives] = options.selective ? normal.anyOf : [];
  const alternatives = split ? otherAlternatives : normal.anyOf;
  const labelTexts = split ? unionSelectors(labels.pushed, split) : [labelSelector(labels.pushed)];
  const fieldText = fieldSelector(fields.pushed);
  const places = namespacePlaces(facts, normal);
  const residue: Condition<R>[] = [
    ...fields.residue,
    ...labels.residue,
    ...alternatives.map((pairs): Condition<R> => ({ is: 'anyLabel', pairs })),
    ...normal.local,
  ];
  const read = (namespace: string | undefined, labelText: string | undefined): PlannedRead => ({
    of: 'list',
    path: objectPath(facts, namespace),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelText ? { labelSelector: labelText } : {}),
    ...(fieldText ? { fieldSelector: fieldText } : {}),
  });
  const readsOf = (namespaces: readonly (string | undefined)[]) =>
    namespaces.flatMap((namespace) => labelTexts.map((labelText) => read(namespace, labelText)));
  const allowed = normal.namespaces.allowed;
  return {
    strategy: split ? 'union' : places.length > 1 ? 'namespaces' : 'list',
    reads: readsOf(places),
    residue:
      allowed && places[0] === undefined && facts.namespaced
        ? [{ is: 'namespace', op: 'in', values: allowed }, ...residue]
        : residue,
    pushedFields: [...new Set(fields.pushed.map(({ path }) => path))],
    ...(allowed && places[0] === undefined && facts.namespaced ? { fallback: readsOf(allowed) } : {}),
  };
}

/** Where to list; undefined stands for the whole cluster. */
function namespacePlaces<R>(facts: KindFacts, { namespaces: { allowed } }: Normal<R>): (string | undefined)[] {
  return facts.namespaced && allowed && allowed.length <= fanOutMax ? [...allowed] : [undefined];
}

interface SplitFields<R> {
  readonly pushed: readonly FieldCondition[];
  readonly residue: readonly Condition<R>[];
}

function splitFields<R>(facts: KindFacts, normal: Normal<R>, refused: ReadonlySet<string>): SplitFields<R> {
  const { names, namespaces, fields, implied } = normal;
  const isServers = ({ path }: FieldCondition): boolean =>
    path === 'metadata.name' ||
    (path === 'metadata.namespace' && facts.namespaced) ||
    (facts.serverFields?.[path] !== undefined && !refused.has(path));
  const pushed = [...fields, ...implied].filter(isServers);
  const residue: Condition<R>[] = fields.filter((one) => !isServers(one));

  const [onlyName, ...moreNames] = names.allowed ?? [];
  if (onlyName !== undefined && moreNames.length === 0) pushed.push(field('metadata.name', onlyName));
  else if (names.allowed) residue.push({ is: 'name', op: 'in', values: names.allowed });

  const pushExclusion = (is: 'name' | 'namespace', values: readonly string[]): void => {
    const exclusions = values.map((value) => notField(`metadata.${is}`, value));
    if ((fieldSelector([...pushed, ...exclusions])?.length ?? 0) <= selectorCharsMax) pushed.push(...exclusions);
    else residue.push({ is, op: 'notIn', values });
  };
  pushExclusion('name', names.forbidden);
  if (facts.namespaced) pushExclusion('namespace', namespaces.forbidden);
  return { pushed, residue };
}

function splitLabels<R>(demands: readonly LabelDemand[]): {
  pushed: readonly LabelDemand[];
  residue: readonly Condition<R>[];
} {
  const pushed: LabelDemand[] = [];
  const residue: Condition<R>[] = [];
  for (const one of demands) {
    if ((labelSelector([...pushed, one])?.length ?? 0) <= selectorCharsMax) pushed.push(one);
    else residue.push(...conditionsOf(one));
  }
  return { pushed, residue };
}

function conditionsOf({ key, allowed, forbidden, presence }: LabelDemand): Condition[] {
  if (allowed) return [{ is: 'label', key, op: 'in', values: allowed }];
  const excluding: Condition = { is: 'label', key, op: 'notIn', values: forbidden };
  return presence === 'any' ? [excluding] : [{ is: 'label', key, op: presence, values: [] }, excluding];
}

/** One selector for each key of the alternatives. An object that fits several is read several times, and kept once. */
function unionSelectors(demands: readonly LabelDemand[], pairs: readonly LabelPair[]): (string | undefined)[] {
  const byKey = new Map<string, string[]>();
  for (const [key, value] of pairs) byKey.set(key, [...(byKey.get(key) ?? []), value]);
  return [...byKey].map(([key, allowed]) =>
    labelSelector([...demands, { key, allowed, forbidden: [], presence: 'exists' }]),
  );
}
