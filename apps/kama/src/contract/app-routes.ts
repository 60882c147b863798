import { z } from 'zod';
import { Assignments, FieldTyped, Outcome, Predicates, ResourceQuestion, StepValues, Typed } from './bodies.js';
import { bySpace, filtered, inData, type RouteContract, routesBelow, withPatch } from './define-route.js';
import {
  Action,
  Diagnosis,
  Frame,
  Glance,
  JobId,
  Manifest,
  MaybeJobId,
  Meta,
  Operation,
  RefreshedStep,
  Release,
  ResourceMeta,
  Variable,
  VariableDetail,
  Verdict,
  ViewCell,
  ViewContainer,
  ViewGroup,
} from './shapes.js';

const dict = z.looseObject({});
const operations = routesBelow('operations', '/api/operations');
const actions = routesBelow('actions', '/api/actions');
const health = routesBelow('actions', '/api/health');
const releases = routesBelow('releases', '/api/releases');
const injections = routesBelow('injections', '/api/injections');
const views = routesBelow('views', '/api/view_specs');
const glances = routesBelow('views', '/api/app');
const resources = routesBelow('resources', '/api/resources');
const errors = routesBelow('errors', '/api/errors');
const updates = routesBelow('releases', '/api/updates');
const olderVariables = routesBelow('variables', '/api/manifest-variable');

const running = z.looseObject({ status: z.literal('running'), job_id: z.string() });
const manifests = z.looseObject({ old: z.array(Manifest), new: z.array(Manifest) });

const stepRoutes = (base: string, older: boolean): RouteContract[] => {
  const step = routesBelow('operations', `/api/operations/{operation}${base}/steps/{step}`);
  const more = older ? { older } : {};
  return [
    step.post('/refresh', 'A step as it looks for what was typed', inData(RefreshedStep), {
      ...more,
      body: StepValues,
    }),
    step.post('/preview-chart-assignments', 'The variables that the step would write', inData(dict), {
      ...more,
      body: StepValues,
    }),
    step.post('/run', 'Submit a step', inData(MaybeJobId), { ...more, body: StepValues }),
    step.get('/next', 'The step after it; `done` at the end', z.looseObject({ step_id: z.string() }), more),
    step.post('/fields/{field}/validate', 'Whether what was typed will do', inData(Verdict), {
      ...more,
      body: FieldTyped,
    }),
    step.get('/status', 'How far the job of a step is', z.looseObject({ status: z.string() }), { older: true }),
  ];
};

/** Routes about what the app offers: operations, actions, releases, views, resources. */
export const appRoutes: readonly RouteContract[] = [
  operations.get('', 'Operations that can be searched for', inData(z.array(Operation)), { query: bySpace }),
  operations.get('/osts', 'The operation whose token is sent, without what was typed', inData(z.array(dict))),
  operations.get('/{operation}', 'One operation', inData(Operation)),
  operations.post('/{operation}/generate-ost', 'Begin an operation', inData(z.string().regex(/^[a-z]{10}$/))),
  operations.post('/{operation}/eval-preflight', 'Check what it needs', inData(MaybeJobId)),
  operations.post('/mark-finished', 'Say how the operation ended', inData(dict), { older: true, body: Outcome }),
  ...stepRoutes('', false),
  ...stepRoutes('/stages/{stage}', true),

  actions.get('/type/simple', 'Actions that can be started by themselves', inData(z.array(Action)), {
    query: filtered,
  }),
  actions.get('/type/system_check', 'Checks as actions', inData(z.array(Action)), { query: filtered }),
  actions.get('/{id}', 'One action, or a check as an action', inData(Action), { query: bySpace }),
  actions.post('/{id}/run', 'Start an action', running, { query: bySpace }),
  actions.post('/run_predicates', 'Run checks, named or written down', running, { body: Predicates }),
  health.get('/predicates', 'Checks that have a title', inData(z.array(Meta)), { query: bySpace }),

  releases.get('', 'Releases of the engine', inData(z.array(Release)), { query: bySpace }),
  releases.get('/next-available', 'The release to take next', inData(Release.nullable())),
  releases.get('/{id}', 'One release', inData(Release), { query: bySpace }),
  releases.get('/{id}/preview-variables', 'The defaults that it brings', inData(dict), { query: bySpace }),
  releases.get('/{id}/preview-manifest', 'What it changes', inData(manifests.extend({ diff: z.string() })), {
    query: bySpace,
  }),
  releases.post('/{id}/apply', 'Take a release', inData(JobId), { query: bySpace }),
  injections.get('/check_newer', 'Whether variables of the publisher wait', inData(z.boolean())),
  injections.get('/latest/preview', 'What they change', inData(z.looseObject({ defaults: dict }))),
  injections.post('/latest/apply', 'Take them', inData(JobId)),
  injections.post('/latest/hooks/{timing}/run', 'Run the hooks of an injection', inData(JobId), { older: true }),

  views.get('/groups/{id}', 'A page; `home` is the first', inData(ViewGroup)),
  views.get(
    '/containers/{id}/meta',
    'What is around the cells of a grid or the rows of a table',
    inData(ViewContainer),
    {
      query: withPatch,
    },
  ),
  views.get('/tables/{id}/compute', 'The rows of a table', inData(z.array(Frame)), { query: withPatch }),
  views.get('/grids/{id}/cells/{cell}/compute', 'One cell of a grid', inData(ViewCell), { query: withPatch }),
  glances.get('/glance-ids', 'Tiles of the older form', inData(z.array(Meta)), { older: true }),
  glances.get('/glances/{id}', 'One of them', inData(Glance), { older: true }),

  resources.get('/definitions', 'Kinds that the cluster serves', inData(z.array(dict))),
  resources.get('/categories', 'Headings above kinds', inData(z.array(Meta))),
  resources.post('/columns', 'Columns that suit kinds', inData(z.array(Meta)), { body: ResourceQuestion }),
  resources.post('/query', 'Objects of kinds, as rows', inData(z.array(Frame)), { body: ResourceQuestion }),
  resources.get('/category/{category}', 'Objects of a category', inData(z.array(ResourceMeta)), { older: true }),
  resources.get('/for_kinds', 'Objects of kinds', inData(z.array(ResourceMeta)), {
    older: true,
    query: z.object({ kinds: z.string().max(2_000) }),
  }),
  resources.get('/detail/{kind}/{name}', 'An object with what there is to say of it', inData(ResourceMeta), {
    older: true,
  }),

  errors.post('/{job}/diagnose', 'Look into why a job failed', z.looseObject({ status: z.string() })),
  errors.get(
    '/{job}/diagnoses/{diagnosis}',
    'What was found',
    z.looseObject({ status: z.string(), diagnoses: z.array(Diagnosis).optional() }),
  ),

  updates.get('/next-available', 'The release to take next', inData(Release.nullable()), { older: true }),
  updates.get('/outcomes', 'Updates that were made', inData(z.array(dict)), { older: true }),
  updates.get('/{id}', 'One release', inData(Release), { older: true }),
  updates.get('/{id}/preview', 'What it changes', z.looseObject({ defaults: dict, manifest: manifests }), {
    older: true,
  }),
  updates.post('/{id}/apply', 'Take a release', inData(JobId), { older: true }),
  updates.post('/{id}/hooks/{timing}/run', 'Run the hooks of an update', inData(JobId), { older: true }),

  olderVariables.get('', 'Variables as the install has them', inData(z.array(Variable)), { older: true }),
  olderVariables.get('/defaults', 'The variables of the lowest level', inData(dict), { older: true }),
  olderVariables.get('/populate-defaults', 'The defaults of the engine now', inData(dict), { older: true }),
  olderVariables.get('/{id}', 'A variable with everything around it', inData(VariableDetail), { older: true }),
  olderVariables.post('/commit-apply', 'Write variables and bring the cluster to them', inData(JobId), {
    older: true,
    body: Assignments,
  }),
  olderVariables.post('/{id}/validate', 'Whether a value would do', inData(Verdict), { older: true, body: Typed }),
];
