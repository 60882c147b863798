import { z } from 'zod';
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

const root = defineKind('Model', undefined, 'Anything that a descriptor can be.', {
  kind: { schema: z.string().min(1) },
  id: text,
  title: text,
  info: text,
  synopsis: text,
  labels: dict,
  tags: strings,
  space: text,
  config_space: text,
  inherit: text,
  cache: dict,
  cached: dict,
  redefine: dict,
  depth: amount,
  lazy: flag,
  debug_props: strings,
  debug: strings,
  print_debug: strings,
});

const operations: Kind[] = [
  defineKind('Operation', 'Model', 'Something that an end user does, step by step.', {
    steps: many('Step'),
    preflight_predicates: many('Predicate'),
    preflight_predicate: one('Predicate'),
  }),
  defineKind('Stage', 'Model', 'Steps of an operation, in the older form.', { steps: many('Step') }),
  defineKind('Step', 'Model', 'Asks for input, then acts.', {
    fields: many('Field'),
    action: one('Action'),
    next: text,
    reassignments: anyList,
    commit: dict,
    summary_desc: dict,
  }),
  defineKind('Field', 'Model', 'One input of a step.', {
    target: text,
    variable: one('GenericVariable'),
    visible: one('Predicate'),
    show_condition: one('Predicate'),
    default: anything,
    input: one('GenericInput'),
    options: anyList,
    validators: many('Predicate'),
    validation: many('Predicate'),
  }),
];

const variables: Kind[] = [
  defineKind('GenericVariable', 'Model', 'A value that somebody types, and how it is checked.', {
    default: anything,
    default_value: anything,
    input: one('GenericInput'),
    validators: many('Predicate'),
    validation: many('Predicate'),
    decorator: one('VariableValueDecorator'),
    options: anyList,
  }),
  defineKind('ManifestVariable', 'GenericVariable', 'A value that the templating engine is given.', {
    flat_key: text,
    /** Kept in the Secret of the install, and never shown. */
    secret: flag,
    category: one('VariableCategory'),
    owner: text,
    level: text,
    mode: text,
    publisher_overridable: flag,
    health_predicates: many('Predicate'),
  }),
  defineKind('ManifestVariableDependency', 'Model', 'How some variables depend on others.', {
    from: many('ManifestVariable'),
    to: many('ManifestVariable'),
    effect: choice('prevents_read', 'compels_defined'),
    active_condition: one('Predicate'),
    active: one('Predicate'),
  }),
  defineKind('VariableCategory', 'Model', 'A heading above variables.', { graphic: text, graphic_type: text }),
  defineKind(
    'Preset',
    'Model',
    'Assignments that belong together.',
    { variable_assignments: dict, variables: dict, default: flag, requires_further_config: flag },
    ['ConfigurationPreset'],
  ),
  defineKind('VariableValueDecorator', 'Model', 'A line of text beside a value.', {
    template: text,
    show_condition: one('Predicate'),
  }),
];

const inputs: Kind[] = [
  defineKind('GenericInput', 'Model', 'A box for text.', { options: anyList }),
  defineKind('SliderInput', 'GenericInput', 'A slider.', { min: amount, max: amount, step: amount, suffix: text }),
  defineKind('SelectInput', 'GenericInput', 'One of several options.'),
  defineKind('LargeSelectInput', 'GenericInput', 'One of several options, each with a paragraph.'),
  defineKind('CheckboxInput', 'GenericInput', 'Yes or no, as a box.'),
  defineKind('CheckboxesInput', 'GenericInput', 'Any of several options.'),
  defineKind('OnOffInput', 'GenericInput', 'Yes or no, as a switch.'),
  defineKind('ViewSpecSelectInput', 'GenericInput', 'One of several cards.'),
];

const predicates: Kind[] = [
  defineKind('Predicate', 'Model', 'A yes or no.', {
    challenge: anything,
    check_against: anything,
    operator: text,
    negate: flag,
    reason: text,
    severity: choice('error', 'warning'),
    tone: choice('error', 'warning'),
    fatal: flag,
    many_policy: choice('each_true', 'each_false', 'some_true', 'some_false'),
    early_true_if: anything,
    early_false_if: anything,
    early_true: anything,
    optimistic: flag,
    error_extras: dict,
    explain: text,
    culprit_resource_signature: dict,
  }),
  defineKind('MultiPredicate', 'Predicate', 'Several predicates, joined by "and" or "or".', {
    predicates: many('Predicate'),
    sub_predicates: many('Predicate'),
  }),
  defineKind('FormatPredicate', 'Predicate', 'Whether text is a number, an e-mail address, a path, …'),
  defineKind('TruePredicate', 'Predicate', 'Always yes.'),
  defineKind('FalsePredicate', 'Predicate', 'Always no.'),
  defineKind('RandomPredicate', 'Predicate', 'Yes or no by chance, to try things out.'),
  defineKind('ResourceCountPredicate', 'Predicate', 'Whether there are as many resources.', {
    res_kind: text,
    res_name: text,
    namespace: text,
    label_selector: dict,
    not_label_selector: dict,
    field_selector: dict,
  }),
];

const resources: Kind[] = [
  defineKind('ResourceSelector', 'Model', 'Which objects of the cluster.', {
    res_kind: text,
    res_name: text,
    name: text,
    api_group: text,
    api_version: text,
    namespace: text,
    label_selector: dict,
    not_label_selector: dict,
    field_selector: dict,
    prop_selector: dict,
  }),
  defineKind('MultiKindResourceSelector', 'ResourceSelector', 'Objects of several kinds.', { res_kinds: strings }),
  defineKind('ResourceGroup', 'Model', 'Objects that belong together, such as those to uninstall.', {
    mandatory: flag,
    resource_selectors: many('ResourceSelector'),
  }),
  defineKind('ResourceCategory', 'Model', 'A heading above kinds of objects.', {
    graphic: text,
    graphic_type: text,
    resource_selectors: many('ResourceSelector'),
  }),
];

const views: Kind[] = [
  defineKind('ViewGroup', 'Model', 'A page.', { mode: choice('free', 'bound'), collection_specs: many('Model') }),
  defineKind('ViewSpec', 'Model', 'One tile.', { spec: dict, fallback_spec: dict }),
  defineKind(
    'GridViewSpec',
    'ViewSpec',
    'Tiles in a grid.',
    { display: choice('grid', 'sequence'), cell_specs: many('ViewSpec') },
    ['CardGridViewSpec'],
  ),
  defineKind('TableViewSpec', 'ViewSpec', 'Rows of data.', {
    column_specs: many('ColumnSpec'),
    columns: many('ColumnSpec'),
    data: anything,
    resource_selector: one('ResourceSelector'),
  }),
  defineKind('ColumnSpec', 'Model', 'One column of a table.', {
    key: text,
    index: amount,
    weight: amount,
    resource_kinds: { schema: z.union([z.string(), z.array(z.string())]) },
    view_spec: anything,
    view_spec_model: one('ViewSpec'),
    data_transformer: one('Supplier'),
  }),
];

/** Tiles of the older form; each kind has a way of its own to draw itself. */
const glances: Kind[] = [
  defineKind('Glance', 'Model', 'A tile of the overview, in the older form.', {
    legend: text,
    legend_icon: text,
    legend_emotion: text,
    content_spec: dict,
    view_type: text,
    url: anything,
    path: text,
  }),
  defineKind('EndpointGlance', 'Glance', 'Where the app is reached.', { graphic: text }),
  defineKind('PredicateGlance', 'Glance', 'Whether a predicate holds.', {
    predicate: one('Predicate'),
    text_ok: text,
    text_bad: text,
    icon_ok: text,
    icon_bad: text,
  }),
  defineKind('PercentageGlance', 'Glance', 'A share of a whole.', {
    percentage: amount,
    numerator: amount,
    denominator: amount,
  }),
  defineKind('TimeSeriesGlance', 'Glance', 'A series as a chart.', { time_series_data: anything }),
];

const others: Kind[] = [
  defineKind('ActionErrorRemediationOption', 'Model', 'What may help after an error.', {
    match: dict,
    button_action: dict,
  }),
  defineKind('ErrorHandler', 'Model', 'What an error may mean.', {
    property_selector: dict,
    resource_selector: one('ResourceSelector'),
    diagnoses: many('ErrorDiagnosis'),
  }),
  defineKind('ErrorDiagnosis', 'Model', 'One thing that an error may mean.', {
    predicate: one('Predicate'),
    actionables: many('ErrorActionable'),
  }),
  defineKind('ErrorActionable', 'Model', 'What a user may do about it.', { operation_id: text, action: text }),
  defineKind('Hook', 'Model', 'An action at an event.', { trigger_selector: dict, action: one('Action') }),
  defineKind('KteaSpec', 'Model', 'A templating engine.', { type: text, uri: text, version: text, args: anything }),
  defineKind('Plugin', 'Model', 'A library with a space of its own.', {
    publisher_identifier: text,
    app_identifier: text,
    version: text,
    prototype_mode_ktea: dict,
  }),
  defineKind('OperationRunSimulator', 'Model', 'A rehearsal of an operation.', {
    namespace: text,
    operation: one('Operation'),
    preflight: flag,
    validations: flag,
    stages: anyList,
    steps: anyList,
  }),
  defineKind('QuantityHumanizer', 'Model', 'How a quantity is written.', {
    rounding: amount,
    prefix: text,
    suffix: text,
  }),
  defineKind('BytesHumanizer', 'QuantityHumanizer', 'Bytes, with a unit.'),
  defineKind('CoresHumanizer', 'QuantityHumanizer', 'Processor time, with a unit.'),
];

export const modelKinds: readonly Kind[] = [
  root,
  ...operations,
  ...variables,
  ...inputs,
  ...predicates,
  ...resources,
  ...views,
  ...glances,
  ...others,
];
