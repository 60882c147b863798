import type { Dict } from '../values/dict.js';

const nodes = 'expr::nodes:*';
const podsLabelled = (labels: Dict): Dict => ({
  kind: 'ResourcesSupplier',
  output: '. | length',
  resource_selector: { res_kind: 'Pod', namespace: 'kube-system', label_selector: labels },
});

/** The predicates that the SDK brings. */
export const prebuiltPredicates: readonly Dict[] = [
  { kind: 'TruePredicate', id: 'sdk.predicate.true' },
  { kind: 'FalsePredicate', id: 'sdk.predicate.false' },
  { kind: 'RandomPredicate', id: 'sdk.predicate.random' },
  { kind: 'MultiPredicate', id: 'sdk.predicate.preflight', predicates: { space: 'app', labels: { preflight: true } } },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.all-deployments-green',
    title: 'All pods are well',
    info: 'No pod of the install waits for ever, fails or cannot be placed',
    reason: 'A pod fails, waits for something that does not come, or fits no node.',
    many_policy: 'each_true',
    check_against: 'positive',
    challenge: {
      kind: 'ResourcesSupplier',
      resource_selector: { res_kind: 'Pod' },
      serializer: 'native',
      output: 'ternary_status',
    },
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.all-nodes-linux',
    title: 'Nodes run Linux',
    reason: 'A node runs another system than Linux, on which this app was not tried.',
    operator: 'contains',
    many_policy: 'each_true',
    check_against: 'linux',
    challenge: {
      kind: 'ResourcesSupplier',
      resource_selector: nodes,
      output: '.[].status.nodeInfo.operatingSystem',
      many: true,
    },
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.all-node-containers-docker',
    title: 'Containers run on Docker',
    reason: 'A node uses another container runtime than Docker, which this app relies on.',
    operator: 'contains',
    many_policy: 'each_true',
    check_against: 'docker',
    challenge: {
      kind: 'ResourcesSupplier',
      resource_selector: nodes,
      output: '.[].status.nodeInfo.containerRuntimeVersion',
      many: true,
    },
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.metrics-server-running',
    title: 'The metrics server runs',
    reason: 'Without the metrics server, nothing is known about the use of processors and memory.',
    operator: 'gte',
    check_against: 1,
    challenge: podsLabelled({ 'k8s-app': 'metrics-server' }),
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.calico-pods-present-for-netpol',
    title: 'Network policies are enforced',
    severity: 'warning',
    reason: 'There are no pods of Calico. Where something else enforces network policies, this can be ignored.',
    operator: 'gte',
    check_against: 1,
    challenge: podsLabelled({ app: 'calico' }),
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.default_variables_unchanged',
    title: 'The defaults are those of the engine',
    reason: 'The defaults that are kept differ from those that the engine gives. Was the Kamafile changed by hand?',
    challenge: 'get::kind::FreshDefaultsSupplier',
    check_against: 'get::kind::DefaultVariablesSupplier',
  },
  // Both are true when there is nothing: they end the action early.
  {
    kind: 'Predicate',
    id: 'sdk.predicate.injection-is-non-trivial',
    check_against: 0,
    challenge: {
      kind: 'SumSupplier',
      source: ['get::parent>>injections->.inline | length', 'get::parent>>injections->.standard | length'],
    },
  },
  {
    kind: 'Predicate',
    id: 'sdk.predicate.injection-has-secrets',
    check_against: 0,
    challenge: 'get::parent>>injections->.inline | length',
  },
  {
    kind: 'ActionErrorRemediationOption',
    id: 'sdk.remediation_option.reset_default_variables',
    title: 'Reset default variables',
    info: 'Take the defaults from the engine again',
    button_action: { type: 'action', uri: 'sdk.action.populate_default_variables' },
    match: { extras: { predicate_id: 'sdk.predicate.default_variables_unchanged' } },
  },
];
