/** RuleJson is one rule of a role. */
export interface RuleJson {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

/** RuleRow says for one resource which verbs are allowed. */
export interface RuleRow {
  readonly resource: string;
  readonly groups: readonly string[];
  readonly names: readonly string[];
  readonly verbs: Readonly<Record<(typeof verbs)[number], boolean>>;
}

/** ruleMatrix spreads rules out, a row for each resource of each rule. */
export const ruleMatrix = (rules: readonly RuleJson[]): readonly RuleRow[] =>
  rules.flatMap((rule) =>
    (rule.resources ?? []).map((resource) => ({
      resource,
      groups: rule.apiGroups ?? [],
      names: rule.resourceNames ?? [],
      verbs: Object.fromEntries(verbs.map((verb) => [verb, covers(rule.verbs, verb)])) as RuleRow['verbs'],
    })),
  );

/** allows tells whether some rule allows a verb on every object of a resource (`pods`, `pods/log`), as the authoriser reads rules. */
export const allows = (rules: readonly RuleJson[], verb: string, resource: string, group: string): boolean =>
  rules.some(
    (rule) =>
      covers(rule.verbs, verb) &&
      covers(rule.apiGroups ?? [], group) &&
      (covers(rule.resources ?? [], resource) || (rule.resources ?? []).includes(`*/${resource.split('/')[1]}`)) &&
      (rule.resourceNames ?? []).length === 0,
  );

const covers = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);
