/** SelectorJson is a label selector (meta/v1 LabelSelector). */
export interface SelectorJson {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}
type Labels = Readonly<Record<string, string>>;

/**
 * selects tells whether a workload's selector chooses these labels. An empty one chooses everything, an absent one nothing
 * (meta/v1 LabelSelectorAsSelector).
 */
export function selects(selector: SelectorJson | undefined, labels: Labels = {}): boolean {
  if (!selector) return false;
  return (
    hasAll(selector.matchLabels ?? {}, labels) && (selector.matchExpressions ?? []).every((each) => meets(each, labels))
  );
}

function meets({ key, operator, values = [] }: NonNullable<SelectorJson['matchExpressions']>[number], labels: Labels) {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  return operator === 'Exists' ? value !== undefined : value === undefined;
}

/** hasAll tells whether the labels have every pair. */
export const hasAll = (pairs: Labels, labels: Labels = {}): boolean =>
  Object.entries(pairs).every(([key, value]) => labels[key] === value);

/** serviceSelects tells whether a service sends to these labels: unlike a workload's, its empty selector chooses nothing. */
export const serviceSelects = (pairs: Labels | undefined, labels: Labels = {}): boolean =>
  pairs !== undefined && Object.keys(pairs).length > 0 && hasAll(pairs, labels);
