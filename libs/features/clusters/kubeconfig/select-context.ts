import { z } from 'zod';

const name = z.string().min(1).max(253);
const entriesMax = 100;
const fields = z.record(z.string(), z.unknown());

/** KubeconfigShape is the outline of a kubeconfig (v1 Config); what is inside clusters and users is judged field by field. */
export const KubeconfigShape = z.object({
  kind: z.literal('Config', 'must be "Config"').optional(),
  apiVersion: z.literal('v1', 'must be "v1"').optional(),
  'current-context': z.string().max(253).nullish(),
  clusters: z.array(z.object({ name, cluster: fields })).max(entriesMax),
  users: z.array(z.object({ name, user: fields.nullish() })).max(entriesMax),
  contexts: z.array(z.object({ name, context: z.object({ cluster: name, user: name }) })).max(entriesMax),
});
export type KubeconfigShape = z.infer<typeof KubeconfigShape>;

/** One named cluster or user, with its place in the file. */
export interface Entry {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Chosen {
  readonly cluster: Entry;
  readonly user: Entry;
  /** Clusters, users and contexts that are not looked at. */
  readonly unused: readonly string[];
}

interface Issues {
  readonly issues: readonly { readonly path: string; readonly message: string }[];
}

/** selectContext finds the one cluster and user that a context joins. Names that stand twice are not guessed at. */
export function selectContext(config: KubeconfigShape, wanted: string | undefined): Chosen | Issues {
  const current = wanted || config['current-context'] || undefined;
  const names = config.contexts.map((each) => each.name);
  const contextName = current ?? (names.length === 1 ? names[0] : undefined);
  if (contextName === undefined)
    return issue('current-context', `name the context to use; there are ${names.length}${listOf(names)}`);
  const context = find(config.contexts, contextName);
  if (context === undefined) return issue('contexts', `there is no single context of that name${listOf(names)}`);
  const { cluster: clusterName, user: userName } = config.contexts[context]?.context ?? { cluster: '', user: '' };
  const cluster = find(config.clusters, clusterName);
  if (cluster === undefined)
    return issue(`contexts.${context}.context.cluster`, 'there is no single cluster of that name');
  const user = find(config.users, userName);
  if (user === undefined) return issue(`contexts.${context}.context.user`, 'there is no single user of that name');
  return {
    cluster: { path: `clusters.${cluster}.cluster`, fields: config.clusters[cluster]?.cluster ?? {} },
    user: { path: `users.${user}.user`, fields: config.users[user]?.user ?? {} },
    unused: [
      ...others('clusters', config.clusters.length, cluster),
      ...others('users', config.users.length, user),
      ...others('contexts', config.contexts.length, context),
    ],
  };
}

function find(list: readonly { readonly name: string }[], wanted: string): number | undefined {
  const index = list.findIndex((each) => each.name === wanted);
  const isOnly = index >= 0 && list.findLastIndex((each) => each.name === wanted) === index;
  return isOnly ? index : undefined;
}

const others = (what: string, count: number, chosen: number): string[] =>
  Array.from({ length: count }, (_, index) => index)
    .filter((index) => index !== chosen)
    .map((index) => `${what}.${index}`);

const listOf = (names: readonly string[]): string => (names.length > 0 ? `: ${names.slice(0, 10).join(', ')}` : '');
const issue = (path: string, message: string): Issues => ({ issues: [{ path, message }] });
