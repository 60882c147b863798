import type { IncomingMessage } from 'node:http';
import { type Answer, Refusal, readJson } from '../serve.js';
import { actions, commitAndApply, jobOf, runAction } from './actions.js';
import { type Context, needInstall, needWrite, readContext } from './context.js';
import { assign, readKamafile } from './kamafile.js';
import { checkAssignments, defaultVars, describeVariables, valuesOf } from './variables.js';

interface Call {
  readonly context: Context | undefined;
  readonly params: readonly string[];
  readonly body: () => Promise<Record<string, unknown>>;
}

type Route = readonly [method: string, path: RegExp, handler: (call: Call) => Promise<object>];

const summaries = actions.map(({ id, title, info }) => ({ id, title, info, tags: [], space: 'app' }));

const routes: readonly Route[] = [
  ['GET', /^\/api\/status$/, async ({ context }) => status(context)],
  ['GET', /^\/api\/app$/, async () => ({ data: appInfo() })],
  [
    'GET',
    /^\/api\/variables(?:\/all)?$/,
    async ({ context }) => ({ data: describeVariables(await readKamafile(needInstall(context))) }),
  ],
  ['GET', /^\/api\/variables\/defaults$/, async () => ({ data: defaultVars() })],
  [
    'POST',
    /^\/api\/variables(?:\/commit)?$/,
    async ({ context, body }) => {
      const writer = needWrite(context);
      const kamafile = await assign(writer, checkAssignments((await body())['assignments']));
      return { data: describeVariables(kamafile) };
    },
  ],
  [
    'POST',
    /^\/api\/variables\/commit-apply$/,
    async ({ context, body }) => ({ data: { job_id: await commitAndApply(needWrite(context), await body()) } }),
  ],
  ['GET', /^\/api\/actions(?:\/type\/simple)?$/, async () => ({ data: summaries })],
  [
    'POST',
    /^\/api\/actions\/([\w-]{1,64})\/run$/,
    async ({ context, params, body }) => {
      const job_id = await runAction(needWrite(context), params[0] ?? '', await body());
      return { status: 'running', job_id, data: { job_id } };
    },
  ],
  [
    'GET',
    /^\/api\/app\/jobs\/([^/]{1,64})\/status$/,
    async ({ context, params }) => ({ data: await jobOf(needInstall(context), params[0] ?? '') }),
  ],
];

/** answer finds the route. The health path comes first and checks nothing: it is what a wake waits for. */
export async function answer(request: IncomingMessage, url: URL): Promise<Answer> {
  if (url.pathname === '/api/ping') return { body: { ping: 'pong' } };
  const matching = routes.flatMap((route) => {
    const match = route[1].exec(url.pathname);
    return match ? [{ method: route[0], handler: route[2], params: match.slice(1) }] : [];
  });
  if (matching.length === 0) throw new Refusal(404, 'not_found', 'There is no such route.');
  const found = matching.find((each) => each.method === request.method);
  if (!found) throw new Refusal(405, 'method_not_allowed', `Use ${matching.map((each) => each.method).join(' or ')}.`);
  const context = await readContext(request);
  return { body: await found.handler({ context, params: found.params, body: () => readJson(request) }) };
}

function appInfo(): object {
  const env = process.env;
  return {
    id: env['NM_APP_ID'] ?? null,
    title: 'Guestbook',
    info: 'A page where visitors leave a line, and the store that keeps it.',
    publisher_identifier: env['NM_ORG'] ?? null,
    app_identifier: env['NM_APP'] ?? null,
    version: env['NM_VERSION'] ?? null,
  };
}

/** status says how things stand; it never holds a token or how a cluster is reached. */
async function status(context: Context | undefined): Promise<object> {
  const install = context?.install;
  const common = {
    sanity: '2',
    app_id: process.env['NM_APP_ID'] ?? null,
    nectwiz_env: 'production',
    is_training_mode: false,
    install_id: install?.id ?? null,
    ns: install?.namespace ?? null,
    ktea_config: null,
    wiz_config: { type: 'managed', version: process.env['NM_VERSION'] ?? null },
    ktea_defaults: defaultVars(),
  };
  const apart = (reason: string) => ({
    ...common,
    is_healthy: false,
    cluster_connection: { is_k8kat_connected: false, connect_config: null, reason },
    ktea_variables: {},
  });
  if (!install) return apart('No cluster is connected. Register one and create an install.');
  try {
    const kamafile = await readKamafile(needInstall(context));
    return {
      ...common,
      is_healthy: true,
      cluster_connection: { is_k8kat_connected: true, connect_config: null },
      ktea_variables: valuesOf(kamafile),
    };
  } catch (error) {
    if (error instanceof Refusal) return apart(error.reason);
    throw error;
  }
}
