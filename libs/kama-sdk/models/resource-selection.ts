import type { Behaviour, ModelView } from '../resolve/model-view.js';
import type { KubeResource } from '../resolve/ports.js';
import { equalValues } from '../values/coerce.js';
import { type Dict, deepGet, deepToFlat, isDict, ownOf } from '../values/dict.js';

/** Selection is what a resource selector asks for, worked out. */
export interface Selection {
  readonly kinds: readonly string[];
  readonly apiVersion: string | undefined;
  readonly name: string | undefined;
  readonly namespace: string;
  readonly labels: Dict;
  readonly notLabels: Dict;
  readonly fields: Dict;
}

/** Kinds without a namespace, under every name that they are asked for. */
const clusterWide = new Set(
  [
    'node',
    'namespace',
    'persistentvolume',
    'storageclass',
    'clusterrole',
    'clusterrolebinding',
    'customresourcedefinition',
    'ingressclass',
    'priorityclass',
  ].flatMap((kind) => [kind, `${kind}s`, `${kind}es`]),
);

const textOr = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const dictOr = (value: unknown): Dict => (isDict(value) ? value : {});

/** selectionOf works a selector out. @throws Fault descriptor_failed when it names no kind */
export async function selectionOf(selector: ModelView): Promise<Selection> {
  const kinds = selector.isA('MultiKindResourceSelector')
    ? await selector.attr('res_kinds')
    : [await selector.attr('res_kind')];
  const named = (Array.isArray(kinds) ? kinds : []).filter((kind): kind is string => typeof kind === 'string');
  if (named.length === 0) throw selector.failed('res_kind', 'a resource selector names the kind of what it selects.');
  const name = textOr(await selector.own('res_name')) ?? textOr(await selector.own('name'));
  const fields = {
    ...dictOr(await selector.own('field_selector', { depth: 1 })),
    ...dictOr(await selector.own('prop_selector', { depth: 1 })),
  };
  return {
    kinds: named,
    apiVersion: textOr(await selector.own('api_version')),
    name: name === '*' ? undefined : name,
    namespace: textOr(await selector.attr('namespace')) ?? selector.evaluation.parts.namespace,
    labels: dictOr(await selector.own('label_selector', { depth: 1 })),
    notLabels: dictOr(await selector.own('not_label_selector', { depth: 1 })),
    fields: deepToFlat(fields),
  };
}

/** listResources asks the cluster for what a selector selects. A list of values means any of them. */
export async function listResources(selector: ModelView): Promise<readonly KubeResource[]> {
  const { evaluation } = selector;
  const selection = await selectionOf(selector);
  const cluster = evaluation.need('cluster', selector.id ?? selector.kind);
  const found: KubeResource[] = [];
  for (const kind of selection.kinds) {
    const query = {
      kind,
      ...(selection.apiVersion === undefined ? {} : { apiVersion: selection.apiVersion }),
      ...(clusterWide.has(kind.toLowerCase()) ? {} : { namespace: selection.namespace }),
      ...selectorTexts(selection),
    };
    const listed = await evaluation.once(`list:${JSON.stringify(query)}`, () =>
      cluster.list(
        query,
        evaluation.parts.budget.call(() => selector.standing()),
      ),
    );
    found.push(...listed.filter((resource) => passes(selection, resource)));
  }
  return found;
}

/** What the API server can sort out itself; every rule is checked again on what it answers. */
function selectorTexts(selection: Selection): { labelSelector?: string; fieldSelector?: string } {
  const plain = /^[\w./-]+$/;
  const label = (key: string, value: unknown, not: boolean): string[] => {
    const values = (Array.isArray(value) ? value : [value]).map(String);
    if (![key, ...values].every((each) => plain.test(each))) return [];
    return values.length === 1
      ? [`${key}${not ? '!=' : '='}${values[0]}`]
      : [`${key} ${not ? 'notin' : 'in'} (${values.join(',')})`];
  };
  const labels = [
    ...Object.entries(selection.labels).flatMap(([key, value]) => label(key, value, false)),
    ...Object.entries(selection.notLabels).flatMap(([key, value]) => label(key, value, true)),
  ];
  return {
    ...(labels.length > 0 ? { labelSelector: labels.join(',') } : {}),
    ...(selection.name === undefined ? {} : { fieldSelector: `metadata.name=${selection.name}` }),
  };
}

const anyOf = (wanted: unknown, actual: unknown): boolean =>
  (Array.isArray(wanted) ? wanted : [wanted]).some((each) => equalValues(each, actual));

function passes(selection: Selection, resource: KubeResource): boolean {
  const labels = dictOr(deepGet(resource, 'metadata.labels'));
  const name = deepGet(resource, 'metadata.name') ?? ownOf(resource, 'name');
  return (
    (selection.name === undefined || selection.name === name) &&
    Object.entries(selection.labels).every(([key, wanted]) => anyOf(wanted, ownOf(labels, key))) &&
    !Object.entries(selection.notLabels).some(([key, wanted]) => anyOf(wanted, ownOf(labels, key))) &&
    Object.entries(selection.fields).every(([key, wanted]) => anyOf(wanted, deepGet(resource, key)))
  );
}

/** kindWord makes `ConfigMap`, `configmap` and `configmaps` the same word. */
export function kindWord(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('ies')) return `${lower.slice(0, -3)}y`;
  if (/(ss|sh|ch|x)es$/.test(lower)) return lower.slice(0, -2);
  return lower.endsWith('s') && !lower.endsWith('ss') ? lower.slice(0, -1) : lower;
}

/** selects tells whether a selector selects an object at hand. */
export async function selects(selector: ModelView, resource: KubeResource): Promise<boolean> {
  const selection = await selectionOf(selector);
  const kind = ownOf(resource, 'kind');
  const sameKind = selection.kinds.some(
    (each) => each === '*' || (typeof kind === 'string' && kindWord(each) === kindWord(kind)),
  );
  return sameKind && passes(selection, resource);
}

export const resourceBehaviours: Readonly<Record<string, Behaviour>> = {
  ResourceSelector: {
    // "Pod:nginx", "Job:*"; what stands before a third colon is ignored, as in the original.
    fromExpression: (text) => {
      const parts = text.split(':').filter((part) => part !== '');
      const name = parts.at(-1);
      return parts.length < 2 ? { res_kind: name } : { res_kind: parts.at(-2), res_name: name };
    },
  },
};
