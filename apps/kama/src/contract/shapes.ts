import { z } from 'zod';

const text = z.string().nullable();

/** How anything is listed. */
export const Meta = z.looseObject({ id: text, title: text, info: text }).meta({ id: 'Meta' });

export const JobId = z.looseObject({ job_id: z.string() }).meta({ id: 'JobId' });
export const MaybeJobId = z
  .looseObject({ job_id: z.string().nullable() })
  .meta({ id: 'MaybeJobId', description: 'null when there is nothing to do' });

export const Verdict = z
  .looseObject({ status: z.enum(['valid', 'warning', 'error']), message: text })
  .meta({ id: 'Verdict' });

const status = z.enum(['running', 'positive', 'negative']);

interface Progress {
  id: string;
  title: string;
  info: string | null;
  status: 'idle' | 'running' | 'positive' | 'negative';
  sub_items: Progress[];
  logs: string[];
  error: unknown;
}

const ProgressNode: z.ZodType<Progress> = z
  .looseObject({
    id: z.string(),
    title: z.string(),
    info: text,
    status: z.enum(['idle', 'running', 'positive', 'negative']),
    get sub_items() {
      return z.array(ProgressNode);
    },
    logs: z.array(z.string()),
    error: z.unknown(),
  })
  .meta({ id: 'Progress' });

export const JobStatus = z
  .looseObject({ status, progress: ProgressNode.nullable(), result: z.unknown() })
  .meta({ id: 'JobStatus' });

export const Category = Meta.extend({ graphic: z.unknown(), graphic_type: z.unknown() }).meta({ id: 'Category' });

const Assignment = z.looseObject({
  level_name: z.string(),
  level_number: z.int(),
  value: z.unknown(),
  is_present: z.boolean(),
});

export const Variable = Meta.extend({
  flat_key: z.string(),
  is_user_writable: z.boolean(),
  category: Category.nullable(),
  value: z.unknown(),
  assignments: z.array(Assignment),
  is_valid: z.boolean(),
  config_space: z.string(),
}).meta({ id: 'Variable' });

const Input = { type: z.string(), options: z.array(z.unknown()), extras: z.looseObject({}) };

const Dependency = z.looseObject({ other_variable: z.looseObject({ id: text }), is_active: z.boolean() });

export const VariableDetail = Variable.extend({
  ...Input,
  health_predicates: z.array(Meta),
  incoming_dependencies: z.array(Dependency),
  outgoing_dependencies: z.array(Dependency),
  is_preventing_read: z.boolean(),
  is_read_blocked: z.boolean(),
}).meta({ id: 'VariableDetail' });

export const VariableHealth = z
  .looseObject({
    config_space: z.string(),
    id: z.string(),
    health: z.looseObject({ has_problems: z.boolean(), is_read_blocked: z.boolean() }),
  })
  .meta({ id: 'VariableHealth' });

export const Action = Meta.extend({ tags: z.unknown(), space: text }).meta({ id: 'Action' });

export const Operation = Action.extend({ synopsis: text, step_metas: z.array(Meta) }).meta({ id: 'Operation' });

const Field = z.looseObject({
  id: z.string(),
  title: text,
  info: text,
  is_inline: z.boolean(),
  default: z.unknown(),
  ...Input,
});

export const RefreshedStep = z
  .looseObject({
    step: z.looseObject({
      id: z.string(),
      title: text,
      synopsis: text,
      info: text,
      flags: z.array(z.unknown()),
      stage_id: text,
      summary_desc: z.unknown(),
      fields: z.array(Field),
    }),
    manifest_assignments: z.looseObject({}),
  })
  .meta({ id: 'RefreshedStep' });

export const Preset = Meta.extend({
  variables: z.array(z.looseObject({ id: z.string(), info: text, new_value: z.unknown(), old_value: z.unknown() })),
}).meta({ id: 'Preset' });

export const Release = z.looseObject({ id: z.unknown(), version: z.unknown() }).meta({ id: 'Release' });

export const Manifest = z.looseObject({ kind: z.string() }).meta({ id: 'Manifest' });

const SpaceStatus = z.enum(['running', 'broken', 'error']);
export const Statuses = z.record(z.string(), SpaceStatus);
export const Status = SpaceStatus;

const ViewMeta = Meta.extend({ type: z.string() });
export const ViewGroup = Meta.extend({ mode: z.unknown(), collection_metas: z.array(ViewMeta) }).meta({
  id: 'ViewGroup',
});
export const ViewContainer = ViewMeta.extend({
  cell_spec_metas: z.array(Meta.extend({ width: z.unknown(), height: z.unknown() })).optional(),
  column_metas: z.array(Meta).optional(),
}).meta({ id: 'ViewContainer' });

export const ViewCell = z
  .unknown()
  .meta({ id: 'ViewCell', description: 'a tree of elements, as the app describes them' });
/** A row of a table: a cell for each column. */
export const Frame = z.looseObject({}).meta({ id: 'Frame' });

export const Plugin = z
  .looseObject({
    id: z.string(),
    version: z.unknown(),
    app_identifier: z.unknown(),
    publisher_identifier: z.unknown(),
    install_id: z.unknown(),
    status: z.unknown(),
    ktea: z.unknown(),
  })
  .meta({ id: 'Plugin' });

export const Backup = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    trigger: z.enum(['user', 'auto']),
    statuses: z.looseObject({}),
    ktea_versions: z.looseObject({}),
    kama_versions: z.looseObject({}),
    timestamp: z.string(),
  })
  .meta({ id: 'Backup' });

const Actionable = Meta.extend({ operation_id: text });
export const Diagnosis = Meta.extend({ actionables: z.array(Actionable) }).meta({ id: 'Diagnosis' });

export const VictimGroup = Meta.extend({ matchers: z.array(z.looseObject({ kind: z.string() })) }).meta({
  id: 'VictimGroup',
});

export const ResourceMeta = z
  .looseObject({ kind: z.unknown(), name: z.unknown(), status: z.enum(['positive', 'negative', 'pending']) })
  .meta({ id: 'ResourceMeta' });

export const Glance = z
  .looseObject({
    title: text,
    legend: z.unknown(),
    content_spec: z.unknown(),
    view_type: z.string(),
    url: z.unknown(),
    path: z.unknown(),
    legend_icon: z.unknown(),
    legend_emotion: z.unknown(),
  })
  .meta({ id: 'Glance' });

/** What every refusal looks like. */
export const Problem = z
  .looseObject({ error: z.string(), reason: z.string(), code: z.string(), status: z.int() })
  .meta({ id: 'Problem' });
