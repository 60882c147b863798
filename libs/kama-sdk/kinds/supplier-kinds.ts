import {
  amount,
  anyList,
  anything,
  choice,
  defineKind,
  dict,
  flag,
  type Kind,
  many,
  one,
  strings,
  text,
} from './define-kind.js';

const base = defineKind(
  'Supplier',
  'Model',
  'Works a value out.',
  {
    source: anything,
    output: anything,
    serializer: text,
    many: anything,
    on_error: anything,
    lookup_options: dict,
  },
  ['UnitSupplier'],
);

const plumbing: Kind[] = [
  defineKind('Consts', 'Supplier', 'Values to look up by name.', {}, ['ConstsSupplier']),
  defineKind('SelfSupplier', 'Supplier', 'The model that asks.'),
  defineKind('ParentSupplier', 'Supplier', 'The parent of the model that asks.'),
  defineKind('DelayedInflateSupplier', 'Supplier', 'Another model itself, not its value.'),
  defineKind('PredicateResultSupplier', 'Supplier', 'Whether a predicate holds.', { predicate: one('Predicate') }),
  defineKind('Vars2AttrAdaptersSupplier', 'Supplier', 'Variables as fields of a step.', { field_keys: strings }),
];

const algebra: Kind[] = [
  defineKind('IfThenElseSupplier', 'Supplier', 'One of two values.', {
    predicate: one('Predicate'),
    on_true: anything,
    on_false: anything,
    if_true: anything,
    if_false: anything,
  }),
  defineKind('Switch', 'Supplier', 'The value beside the first predicate that holds.', { items: anyList }, ['Iftt']),
  defineKind('MergeSupplier', 'Supplier', 'Objects merged deeply, left to right.'),
  defineKind('UnsetSupplier', 'Supplier', 'An object without some keys.', { victim_keys: strings }),
  defineKind('SumSupplier', 'Supplier', 'The sum of numbers.'),
  defineKind('JoinSupplier', 'Supplier', 'Text joined.', { items: anyList, separator: text }),
  defineKind('ListFlattener', 'Supplier', 'Lists within a list, opened.'),
  defineKind('ListFilterSupplier', 'Supplier', 'What a predicate lets through.', { predicate: one('Predicate') }),
  defineKind('ListPluck', 'Supplier', 'The values whose "include" is true.', { flat: flag }),
  defineKind('FormattedDateSupplier', 'Supplier', 'A date as text.'),
  defineKind('UnitConverter', 'Supplier', 'An amount in another unit.', { type: text, output_unit: text }),
  defineKind('Redactor', 'Supplier', 'An object with some keys only.', { blacklist: strings, whitelist: strings }),
  defineKind('RandomStringSupplier', 'Supplier', 'Random text.', { symbols: strings, length: amount }),
];

const config: Kind[] = [
  defineKind('ConfigSupplier', 'Supplier', 'An entry of the Kamafile.', { field_key: text, reload: flag }),
  defineKind('NamespaceSupplier', 'Supplier', 'The namespace of the install.'),
  defineKind('MergedVarsSupplier', 'Supplier', 'All variables, the four levels merged.', {}, [
    'MergedVariablesSupplier',
  ]),
  defineKind('DefaultVariablesSupplier', 'Supplier', 'The variables of level 0.'),
  defineKind('FreshDefaultsSupplier', 'Supplier', 'What the templating engine now says the defaults are.', {
    ktea: anything,
  }),
  defineKind('PresetAssignmentsSupplier', 'Supplier', 'The assignments of a preset of the engine.', { ktea: anything }),
  defineKind('LatestVendorInjectionSupplier', 'Supplier', 'The injection that waits.'),
];

const cluster: Kind[] = [
  defineKind('ResourcesSupplier', 'Supplier', 'Objects of the cluster.', {
    resource_selector: one('ResourceSelector'),
    selector: one('ResourceSelector'),
  }),
  defineKind('HttpDataSupplier', 'Supplier', 'The answer to a GET request.', { endpoint: text }),
  defineKind(
    'PodShellExecOutputSupplier',
    'Supplier',
    'What a command in a pod prints; refused, since reading runs nothing.',
    {
      command: text,
      pod: anything,
    },
  ),
  defineKind('PortForwardSpecSupplier', 'Supplier', 'Where a port of a service leads.', {
    svc: anything,
    port: amount,
  }),
  defineKind('ImageSrcSupplier', 'Supplier', 'The address of an image.'),
  defineKind('PodStatusSummariesSupplier', 'Supplier', 'The pods of a workload and how they are.'),
  defineKind(
    'ResourceUsageSupplier',
    'Supplier',
    'How much of its share a workload uses.',
    {
      resource_selectors: many('ResourceSelector'),
      workloads: anything,
      metric_type: choice('memory', 'cpu'),
      upper_bound_type: text,
    },
    ['WorkloadResourceUsageSupplier'],
  ),
  defineKind('SiteEndpoint', 'Model', 'One way to reach a site.', {
    type: text,
    url: anything,
    enabled: flag,
    port_forward_spec: anything,
  }),
  defineKind('SiteAccessNode', 'Model', 'Ways to reach a site.', {
    endpoints: many('SiteEndpoint'),
    predicates: many('Predicate'),
  }),
  defineKind('SimpleIngressSiteAccessNode', 'SiteAccessNode', 'A site behind an ingress.', {
    ingress_selector: one('ResourceSelector'),
    match: dict,
  }),
  defineKind('SimpleServiceSiteAccessNode', 'SiteAccessNode', 'A site behind a service.', {
    service_selector: one('ResourceSelector'),
    service: anything,
  }),
  defineKind('BestSiteEndpointSupplier', 'Supplier', 'The best way to reach a site.', {
    site_access_nodes: many('SiteAccessNode'),
  }),
  defineKind('SiteAccessNodesSerializer', 'Supplier', 'All ways to reach a site.', {
    site_access_nodes: many('SiteAccessNode'),
  }),
  defineKind('AccessNodeSerializer', 'Supplier', 'The addresses of one node.', { access_node: one('SiteAccessNode') }),
];

const series: Kind[] = [
  defineKind('PercentageSupplier', 'Supplier', 'A fraction in per cent.', {
    fraction: amount,
    numerator: amount,
    denominator: amount,
    rounding: amount,
  }),
  defineKind('QuantityHumanizationSupplier', 'Supplier', 'A quantity for people.', {
    backend: one('QuantityHumanizer'),
  }),
  defineKind('SeriesSummarySupplier', 'Supplier', 'The last value, or sum, of a series and where it goes.', {
    reducer: choice('last', 'sum'),
    good_direction: choice('up', 'down'),
    humanizer: one('QuantityHumanizer'),
  }),
  defineKind('TimeseriesAggregationSupplier', 'Supplier', 'One number out of a series.', {
    inner_aggregator: choice('sum', 'avg', 'average'),
    outer_aggregator: choice('sum', 'avg', 'average'),
    t: text,
  }),
];

const prometheus: Kind[] = [
  defineKind('PromDataSupplier', 'Supplier', 'What Prometheus answers to a query.', {
    type: choice('matrix', 'vector', 'ping'),
    query: text,
    url: text,
    service: dict,
    step: amount,
    t0_offset: amount,
    tn_offset: amount,
  }),
  defineKind('PromMatrixToSeriesSupplier', 'Supplier', 'A row for each time of a matrix.', { series_key: text }),
  defineKind('PromStateSupplier', 'Supplier', 'Whether Prometheus answers, and how a person gets there.', {
    url: text,
    service: dict,
  }),
  defineKind('GrafanaStateSupplier', 'Supplier', 'Whether there is a Grafana, and how a person gets there.', {
    url: text,
    service: dict,
  }),
  defineKind('PromVectorsToGroupsSupplier', 'Supplier', 'The name and value of each vector.', { series_key: text }),
];

export const supplierKinds: readonly Kind[] = [
  base,
  ...plumbing,
  ...algebra,
  ...config,
  ...cluster,
  ...series,
  ...prometheus,
];
