import { z } from 'zod';
import {
  Assignments,
  BackupName,
  PluginIdentity,
  Sharing,
  StoreChoice,
  Typed,
  VictimKeys,
  Whitelist,
} from './bodies.js';
import { bySpace, filtered, inData, type RouteContract, routesBelow } from './define-route.js';
import {
  Backup,
  Category,
  JobId,
  JobStatus,
  MaybeJobId,
  Meta,
  Plugin,
  Preset,
  Status,
  Statuses,
  Variable,
  VariableDetail,
  VariableHealth,
  Verdict,
  VictimGroup,
} from './shapes.js';

const dict = z.looseObject({});
const server = routesBelow('server', '/api');
const app = routesBelow('app', '/api/app');
const variables = routesBelow('variables', '/api/variables');
const telemetry = routesBelow('telemetry', '/api/telem');
const plugins = routesBelow('plugins', '/api/plugins');

const echo = inData(dict);

/** Routes about the install itself: its state, variables, plugins, backups. */
export const installRoutes: readonly RouteContract[] = [
  server.get('/ping', 'Whether the server answers; asks nobody', z.object({ ping: z.literal('pong') })),
  server.post('/echo', 'How a body is understood', echo),
  server.patch('/echo', 'How a body is understood', echo),
  server.get(
    '/status',
    'How things stand with the install; never a credential',
    z.looseObject({ sanity: z.string(), app_id: z.string(), is_healthy: z.boolean(), ns: z.string() }),
  ),

  app.get('', 'Which app and version this is', inData(dict)),
  app.get('/jobs/{id}/status', 'How far a job is', inData(JobStatus)),
  app.get('/presets', 'Assignments that belong together', inData(z.array(Preset)), { query: bySpace }),
  app.post('/presets', 'The same as GET', inData(z.array(Preset)), { query: bySpace }),
  app.post('/presets/{id}/commit-apply', 'Commit the assignments of a preset that are on a list', JobId, {
    query: bySpace,
    body: Whitelist,
  }),
  app.post('/run-installation-preflight', 'Run the checks before an install', inData(JobId)),
  app.get('/status', 'Compute how the app is. Writes nothing: POST does', z.looseObject({ status: Status })),
  app.post('/status', 'Compute how the app is, and note it', z.looseObject({ status: Status, job_id: z.string() })),
  app.post(
    '/compute-and-sync-statuses',
    'Compute how each space is, and note it',
    z.looseObject({ statuses: Statuses, job_id: z.string() }),
  ),
  app.post('/sync-status-hub', 'Tell the hub how the app is', z.looseObject({ success: z.boolean() })),
  app.get('/uninstall-victim-groups', 'What an uninstall deletes', inData(z.array(VictimGroup))),
  app.get('/deletion_selectors', 'The selectors of what an uninstall deletes', inData(z.array(dict))),

  variables.get('/categories', 'Headings above variables', inData(z.array(Category))),
  variables.get('/all', 'Variables as the install has them', inData(z.array(Variable)), { query: filtered }),
  variables.get('/health', 'Which variables have problems', inData(z.array(VariableHealth)), { query: filtered }),
  variables.get('/defaults', 'The variables of the lowest level', inData(dict), { query: bySpace }),
  variables.get('/populate-defaults', 'The defaults of the engine now. Writes nothing: POST does', inData(dict), {
    query: bySpace,
  }),
  variables.post('/populate-defaults', 'Take the defaults of the engine', inData(JobId), { query: bySpace }),
  variables.get('/detail/{id}', 'A variable with everything around it', inData(VariableDetail), { query: bySpace }),
  variables.post('/detail/{id}/validate', 'Whether a value would do', inData(Verdict), { query: bySpace, body: Typed }),
  variables.post('/detail/{id}/health_predicates/run', 'Run the checks of a variable', inData(JobId), {
    query: bySpace,
  }),
  variables.post('/commit-apply', 'Write variables and bring the cluster to them', inData(JobId), {
    query: bySpace,
    body: Assignments,
  }),
  variables.post('/commit-unsets', 'Remove variables and bring the cluster to what is left', inData(JobId), {
    query: bySpace,
    body: VictimKeys,
  }),

  telemetry.get('/config_backups/index', 'Copies of the Kamafile', inData(z.array(Backup))),
  telemetry.get('/config_backups/detail/{id}', 'One copy, with what was in it', inData(Backup)),
  telemetry.post(
    '/config_backups/new',
    'Keep a copy of the Kamafile',
    z.looseObject({ status: z.string(), record: Backup, job_id: z.string() }),
    { body: BackupName },
  ),
  telemetry.post('/config_backups/detail/{id}/restore', 'Put the user’s variables of a copy back', inData(JobId), {
    query: bySpace,
  }),
  telemetry.get('/backends/available', 'Where copies can be kept', inData(z.array(Meta))),
  telemetry.get('/backends/current', 'Where copies are kept', inData(Meta.nullable())),
  telemetry.post('/backends/current', 'Choose where copies are kept', z.looseObject({ data: z.literal('ok') }), {
    body: StoreChoice,
  }),
  telemetry.post('/wipe', 'Delete every copy that is kept', z.looseObject({ data: z.array(Meta) })),
  telemetry.get('/events', 'What was done with the install, newest first', inData(z.array(dict)), { older: true }),

  plugins.get('/all', 'Plugins and their own state; never a token', inData(z.array(Plugin))),
  plugins.post('/all/{id}/initialize', 'Give a plugin its identity and engine', z.looseObject({ data: z.string() }), {
    body: PluginIdentity,
  }),

  server.get('/status/telem', 'Whether a database of events is ready', dict, { older: true }),
  server.get('/status/telem-perms', 'What the user shares', inData(dict), { older: true }),
  server.post('/status/telem-perms', 'Say what may be shared', inData(dict), { older: true, body: Sharing }),
  server.get('/status/templated_manifest', 'The manifest of the variables as they are', inData(z.array(dict)), {
    older: true,
    query: bySpace,
  }),
  server.get('/status/descriptors', 'The descriptors of the app', inData(z.array(dict)), { older: true }),
  server.get('/status/descriptors/{kind}', 'Those of a kind', inData(z.array(dict)), { older: true }),
  server.get('/status/descriptors/{kind}/{id}', 'One, with what it inherits', inData(dict), { older: true }),
  server.get('/status/default-descriptors', 'The descriptors of the SDK', inData(z.array(dict)), { older: true }),

  app.get('/compute-status', 'Compute how the app is', z.looseObject({ app_status: Status }), {
    older: true,
    query: bySpace,
  }),
  app.post('/compute-status', 'Compute how the app is, and note it', z.looseObject({ app_status: Status }), {
    older: true,
    query: bySpace,
  }),
  app.post('/sync-hub', 'Note how the app is', JobId, { older: true }),
  app.post('/install-preflight', 'Run the checks before an install', inData(JobId), { older: true }),
  app.post('/start-system-check', 'Run the checks of the app', z.looseObject({ status: z.string() }), { older: true }),
  app.get('/install-hooks', 'Hooks of an install', inData(z.array(Meta)), { older: true }),
  app.get('/uninstall-hooks', 'Hooks of an uninstall', inData(z.array(Meta)), { older: true }),
  app.post('/hooks/{id}/run', 'Run a hook', inData(JobId), { older: true }),
  app.get('/uninstall-spec', 'What an uninstall deletes', inData(z.array(VictimGroup)), { older: true }),

  telemetry.get('/config_backups', 'Copies of the Kamafile', inData(z.array(Backup)), { older: true }),
  telemetry.get('/config_backups/{id}', 'One copy, with what was in it', inData(Backup), { older: true }),
  telemetry.get('/prefs', 'Preferences', inData(dict), { older: true }),
  telemetry.patch('/prefs', 'Change preferences', inData(MaybeJobId), { older: true, body: Sharing }),
];
