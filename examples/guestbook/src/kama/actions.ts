import { Refusal } from '../serve.js';
import { callNMachine } from './call.js';
import type { InstallContext } from './context.js';
import { assign, readKamafile, updateKamafile } from './kamafile.js';
import { installPlan, type Plan, scalePlan, uninstallPlan } from './plans.js';
import { checkAssignments, replicasMax, type Value, valuesOf } from './variables.js';

type Body = Readonly<Record<string, unknown>>;

interface Action {
  readonly id: string;
  readonly title: string;
  readonly info: string;
  /** Changes the Kamafile as the action needs, and says what is to be done on the cluster. */
  readonly plan: (context: InstallContext, body: Body) => Promise<Plan>;
}

export const actions: readonly Action[] = [
  {
    id: 'install',
    title: 'Install',
    info: 'Creates the store and the page, and waits until both work. Repeating it repairs them.',
    plan: async (context) => {
      const kamafile = await updateKamafile(context, () => ({ status: 'running' }));
      return installPlan(limited(context, valuesOf(kamafile)));
    },
  },
  {
    id: 'scale',
    title: 'Scale the page',
    info: 'Runs the page in as many copies as "replicas" of the body, or the variable web.replicas, says.',
    plan: async (context, body) => {
      if (body['replicas'] === undefined) return scalePlan(limited(context, valuesOf(await readKamafile(context))));
      const flat = checkAssignments({ 'web.replicas': body['replicas'] });
      limited(context, flat);
      return scalePlan(valuesOf(await assign(context, flat)));
    },
  },
  {
    id: 'uninstall',
    title: 'Uninstall',
    info: 'Removes the page and the store with its entries. The settings stay.',
    plan: async (context) => uninstallPlan(valuesOf(await readKamafile(context))),
  },
];

/** limited refuses more copies than the licence entitles to. */
function limited(context: InstallContext, values: Record<string, Value>): Record<string, Value> {
  const entitled = context.entitlements['replicas_max'];
  const max = typeof entitled === 'number' ? entitled : replicasMax;
  if (Number(values['web.replicas'] ?? 0) > max)
    throw new Refusal(403, 'entitlement_exceeded', `Your licence allows up to ${max} copies of the page.`);
  return values;
}

/** runAction turns an action into a run of NMachine and gives its id. */
export async function runAction(context: InstallContext, id: string, body: Body): Promise<string> {
  const action = actions.find((each) => each.id === id);
  if (!action) throw new Refusal(404, 'unknown_action', `There is no action "${id}".`);
  return postRun(context, action.id, action.title, await action.plan(context, body));
}

/** commitAndApply sets variables and brings the cluster to them. */
export async function commitAndApply(context: InstallContext, body: Body): Promise<string> {
  const flat = limited(context, checkAssignments(body['assignments']));
  const kamafile = await assign(context, flat);
  return postRun(context, 'commit-apply', 'Apply the variables', installPlan(valuesOf(kamafile)));
}

async function postRun(context: InstallContext, action: string, title: string, plan: Plan): Promise<string> {
  const url = `${process.env['NM_API_URL'] ?? ''}/v1/runs`;
  const { body } = await callNMachine<{ id: string }>(context, 'POST', url, { action, title, plan });
  return body.id;
}

interface Run {
  readonly status: string;
  readonly progress: unknown;
  readonly error?: { readonly code: string; readonly reason: string };
}

const jobStatus: Readonly<Record<string, 'running' | 'positive' | 'negative'>> = {
  queued: 'running',
  running: 'running',
  positive: 'positive',
};

/** jobOf shows a run as the job that KAMA clients poll. */
export async function jobOf(context: InstallContext, id: string): Promise<object> {
  if (!/^[\w-]{1,64}$/.test(id)) throw new Refusal(404, 'unknown_job', 'There is no such job.');
  const url = `${process.env['NM_API_URL'] ?? ''}/v1/runs/${id}`;
  const { status, body: run } = await callNMachine<Run>(context, 'GET', url, undefined, [404]);
  if (status === 404) throw new Refusal(404, 'unknown_job', 'There is no such job.');
  return { status: jobStatus[run.status] ?? 'negative', progress: run.progress, result: run.error ?? null };
}
