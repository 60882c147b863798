import { KubeManifest, manifestsMax, type PlanStep } from '@nm/kernel/contracts';
import { entryOf, readSpace } from '../models/kamafile.js';
import { listResources, selects } from '../models/resource-selection.js';
import type { ModelView } from '../resolve/model-view.js';
import type { KubeResource } from '../resolve/ports.js';
import { type Dict, deepGet, flatToDeep, isDict } from '../values/dict.js';
import { actionError } from './action-error.js';
import { type ActionNode, type ActionRule, addStep, type Given, type Planning } from './planning.js';

/** A resource as a run will change it (KAO): the verb is not known before. */
interface PlannedChange {
  readonly api_group: string;
  readonly api_version: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly verb: null;
  readonly error: null;
}

export const nameOf = (resource: KubeResource): string =>
  `${String(resource['kind']).toLowerCase()}/${String(deepGet(resource, 'metadata.name'))}`;

/** manifestsOf gives the manifests that stand in an attribute. @throws ActionError when one is none */
async function manifestsOf(action: ModelView): Promise<KubeManifest[]> {
  const given = await action.attr('res_descs');
  const list = Array.isArray(given) ? (given as unknown[]) : [];
  return list.map((each) => {
    const parsed = KubeManifest.safeParse(each);
    if (!parsed.success)
      throw actionError(
        'invalid_manifest',
        `The templating engine gave something that is no manifest: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}.`,
      );
    return parsed.data;
  });
}

async function template(action: ModelView, node: ActionNode): Promise<Given> {
  const { evaluation } = action;
  const values = await action.attr('values', { depth: 48 });
  const own = await action.attr('ktea', { depth: 48 });
  const ktea = own ?? entryOf(await readSpace(evaluation, action.configSpace), 'ktea');
  if (!isDict(ktea))
    throw actionError('template_manifest_failed', `Space "${action.configSpace}" has no templating engine.`);
  const engine = evaluation.need('engine', action.id ?? action.kind);
  const signal = evaluation.parts.budget.call(() => action.standing('ktea'));
  let resources: readonly KubeResource[];
  try {
    resources = await engine.template(ktea, flatToDeep(isDict(values) ? values : {}), signal);
  } catch (error) {
    const engineName = `${String(ktea['type'] ?? '[no type]')}/${String(ktea['uri'] ?? '[no uri]')}`;
    const why = error instanceof Error ? error.message : String(error);
    throw actionError('template_manifest_failed', `Templating engine ${engineName} failed: ${why}`, { ktea });
  }
  const kept = await whitelisted(action, resources);
  node.logs.push(...kept.map(nameOf));
  return { res_descs: kept };
}

async function whitelisted(action: ModelView, resources: readonly KubeResource[]): Promise<readonly KubeResource[]> {
  const attribute = action.has('resource_whitelist_selectors') ? 'resource_whitelist_selectors' : 'resource_selectors';
  if (!action.has(attribute)) return resources;
  const selectors = await action.childrenOf(attribute, 'ResourceSelector');
  const kept: KubeResource[] = [];
  for (const resource of resources)
    for (const selector of selectors)
      if (await selects(selector, resource)) {
        kept.push(resource);
        break;
      }
  return kept;
}

async function dryRun(action: ModelView, node: ActionNode): Promise<Given> {
  const manifests = await manifestsOf(action);
  const { cluster, budget } = action.evaluation.parts;
  if (manifests.length === 0) node.logs.push('No resources to try.');
  if (!cluster?.dryRun) {
    node.logs.push('The cluster cannot be asked here; the run itself will tell.');
    return undefined;
  }
  for (const manifest of manifests) {
    const answer = await cluster.dryRun(
      manifest,
      budget.call(() => action.standing('res_descs')),
    );
    if (!answer.ok)
      throw actionError('kubectl_dry_run_failed', `${nameOf(manifest)}: ${answer.reason}`, {
        resource_signature: { kind: manifest.kind, name: manifest.metadata.name },
        resource: manifest,
      });
    node.logs.push(`${nameOf(manifest)} would be taken`);
  }
  return undefined;
}

async function apply(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const manifests = await manifestsOf(action);
  node.logs.push(...manifests.map(nameOf));
  for (let from = 0; from < manifests.length; from += manifestsMax)
    await addStep(planning, {
      kind: 'apply',
      title: node.title,
      manifests: manifests.slice(from, from + manifestsMax),
    });
  return { kaos: manifests.map(changeOf), outkomes: manifests.map(changeOf) };
}

const changeOf = (manifest: KubeManifest): PlannedChange => ({
  api_group: manifest.apiVersion.includes('/') ? (manifest.apiVersion.split('/')[0] ?? '') : '',
  api_version: manifest.apiVersion,
  kind: manifest.kind,
  name: manifest.metadata.name,
  namespace: manifest.metadata.namespace,
  verb: null,
  error: null,
});

const awaitSecondsDefault = 180;
const seconds = async (action: ModelView): Promise<number> => {
  const wanted = Number((await action.own('timeout_seconds')) ?? (await action.own('timeout')) ?? awaitSecondsDefault);
  return Math.max(1, Math.min(3600, Math.round(wanted) || awaitSecondsDefault));
};

async function awaitSettled(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const kaos = await action.attr('kaos');
  const refs = (Array.isArray(kaos) ? kaos.filter(isDict) : []).map((kao) => ({
    apiVersion: String(kao['api_version']),
    kind: String(kao['kind']),
    name: String(kao['name']),
    ...(typeof kao['namespace'] === 'string' ? { namespace: kao['namespace'] } : {}),
  }));
  const timeoutSeconds = await seconds(action);
  for (let from = 0; from < refs.length; from += manifestsMax)
    await addStep(planning, {
      kind: 'await',
      title: node.title,
      refs: refs.slice(from, from + manifestsMax),
      timeoutSeconds,
    });
  return undefined;
}

const refOf = (resource: KubeResource) => ({
  apiVersion: String(resource['apiVersion']),
  kind: String(resource['kind']),
  name: String(deepGet(resource, 'metadata.name')),
  ...(typeof deepGet(resource, 'metadata.namespace') === 'string'
    ? { namespace: String(deepGet(resource, 'metadata.namespace')) }
    : {}),
});

async function matching(action: ModelView): Promise<KubeResource[]> {
  const selectors = [
    ...(action.has('resource_selectors') ? await action.childrenOf('resource_selectors', 'ResourceSelector') : []),
    ...(action.has('resource_selector') ? [await action.childOf('resource_selector', 'ResourceSelector')] : []),
  ];
  const found: KubeResource[] = [];
  for (const selector of selectors) if (selector) found.push(...(await listResources(selector)));
  return found;
}

async function remove(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const refs = (await matching(action)).map(refOf);
  if (refs.length === 0) node.logs.push('Nothing to delete.');
  for (let from = 0; from < refs.length; from += manifestsMax)
    await addStep(planning, {
      kind: 'delete',
      title: node.title,
      refs: refs.slice(from, from + manifestsMax),
      timeoutSeconds: await seconds(action),
    });
  return undefined;
}

async function patch(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const given = await action.own('kat_res');
  const resources = isDict(given) ? [given] : await matching(action);
  const change = await action.own('resource_patch', { depth: 48 });
  if (!isDict(change)) throw actionError('invalid_patch', 'The action has no "resource_patch".');
  if (resources.length === 0) node.logs.push('No resource matches.');
  for (const resource of resources)
    await addStep(planning, {
      kind: 'patch',
      title: `${node.title}: ${nameOf(resource)}`.slice(0, 200),
      ref: refOf(resource),
      patch: flatToDeep(change),
    } as PlanStep);
  return undefined;
}

/** A command in a pod: the one that `pod` names or holds, or the first that is selected. A line of text goes through a shell, as in the original. */
async function execute(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const given = await action.attr('pod');
  const [selected] = given === null ? await matching(action) : [];
  const pod = isDict(given)
    ? deepGet(given, 'metadata.name')
    : (given ?? (selected && deepGet(selected, 'metadata.name')));
  const command = await action.attr('command');
  const words = Array.isArray(command) ? command.map(String) : ['/bin/sh', '-c', String(command ?? '')];
  if (typeof pod !== 'string') throw actionError('no_pod', 'There is no such pod to run the command in.');
  if (command === null) throw actionError('no_command', 'The action has no "command".');
  await addStep(planning, {
    kind: 'exec',
    title: node.title,
    pod: { name: pod },
    command: words,
    expectExit: [0],
    timeoutSeconds: await seconds(action),
  });
  return undefined;
}

const waitSecondsMax = 3_600;

async function wait(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const wanted = Number((await action.own('seconds')) ?? (await action.own('duration_seconds')) ?? 0);
  if (!(wanted >= 0 && wanted <= waitSecondsMax))
    throw actionError('invalid_wait', `"seconds" is a number up to ${waitSecondsMax}.`);
  await addStep(planning, { kind: 'wait', title: node.title, seconds: Math.round(wanted) });
  return undefined;
}

/** The run asks this KAMA again and again: named predicates by their id, others as they were written down. */
async function awaitPredicates(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const predicates = await action.childrenOf('predicates', 'Predicate');
  if (predicates.length === 0) return undefined;
  const named = new Set(action.evaluation.bundle.query('Predicate').map(({ config }) => config['id']));
  await addStep(planning, {
    kind: 'await-predicates',
    title: node.title,
    predicates: predicates.map((predicate) =>
      predicate.id !== undefined && named.has(predicate.id)
        ? `id::${predicate.id}`
        : { kind: predicate.kind, ...predicate.config },
    ),
    timeoutSeconds: await seconds(action),
  } as PlanStep);
  return undefined;
}

const unsupported = (title: string, why: string): ActionRule => ({
  title,
  plan: (action) => Promise.reject(actionError('not_supported', `${action.kind} is not available here: ${why}`)),
});

/** What actions on the cluster do, by kind. */
export const clusterRules: Readonly<Record<string, ActionRule>> = {
  TemplateManifestAction: {
    title: 'Load Templated Manifest',
    info: 'Ask the templating engine of the publisher',
    plan: template,
  },
  KubectlDryRunAction: { title: 'Dry run', info: 'Ask the cluster whether it would take the manifest', plan: dryRun },
  KubectlApplyAction: { title: 'Apply the manifest', plan: apply },
  AwaitKaosSettledAction: { title: 'Wait for changed resources to settle', plan: awaitSettled },
  DeleteResourceAction: { title: 'Delete a resource', plan: remove },
  DeleteResourcesAction: { title: 'Delete resources', plan: remove },
  PatchResourceAction: { title: 'Patch a resource', plan: patch },
  AwaitPredicatesSettledAction: { title: 'Wait for predicates', plan: awaitPredicates },
  PodShellExecAction: { title: 'Run a command in a pod', plan: execute },
  CmdExecAction: unsupported('Run a command', 'a hosted KAMA runs no commands.'),
  WaitAction: { title: 'Wait', plan: wait },
};

export const dictOf = (value: unknown): Dict => (isDict(value) ? value : {});
