import { Refusal } from '../serve.js';
import { callNMachine } from './call.js';
import type { InstallContext } from './context.js';
import { deepen, defaultVars, flatten, type Levels, type Value } from './variables.js';

/** What the key `app` of the ConfigMap `kamafile` holds: the whole state of an install, on the user's own cluster. */
export interface Kamafile extends Levels {
  readonly is_prototype: boolean;
  readonly app_id: string;
  readonly install_id: string;
  readonly status: 'installing' | 'running' | 'broken' | 'error';
  readonly publisher_identifier: string;
  readonly app_identifier: string;
  readonly kama: { readonly type: string; readonly uri: string; readonly version: string };
  readonly prefs: Readonly<Record<string, unknown>>;
  readonly last_updated: string;
}

interface ConfigMap {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

const name = 'kamafile';
const space = 'app';
const triesMax = 5;

/** Path of a resource in the install's namespace, through the cluster proxy: only the install's token opens it. */
const proxyUrl = (context: InstallContext, rest: string): string => {
  const { cluster, namespace } = context.install;
  const gateway = process.env['NM_GATEWAY_URL'] ?? '';
  return `${gateway}/clusters/${cluster}/proxy/api/v1/namespaces/${namespace}/configmaps${rest}`;
};

async function fetchConfigMap(context: InstallContext): Promise<ConfigMap | undefined> {
  const answer = await callNMachine<ConfigMap>(context, 'GET', proxyUrl(context, `/${name}`), undefined, [404]);
  return answer.status === 404 ? undefined : answer.body;
}

/** newKamafile is the state of an install of which nothing has been set. */
function newKamafile(context: InstallContext): Kamafile {
  const env = process.env;
  return {
    is_prototype: false,
    app_id: env['NM_APP_ID'] ?? '',
    install_id: context.install.id,
    publisher_identifier: env['NM_ORG'] ?? '',
    app_identifier: env['NM_APP'] ?? '',
    status: 'installing',
    kama: { type: 'managed', uri: `${env['NM_ORG'] ?? ''}/${env['NM_APP'] ?? ''}`, version: env['NM_VERSION'] ?? '' },
    default_vars: defaultVars(),
    vendor_injection_vars: {},
    user_injection_vars: {},
    user_vars: {},
    prefs: {},
    last_updated: new Date().toISOString(),
  };
}

/** parseKamafile reads the key `app`; absent levels count as empty. */
function parseKamafile(context: InstallContext, map: ConfigMap | undefined): Kamafile {
  const fresh = newKamafile(context);
  const text = map?.data?.[space];
  if (text === undefined) return fresh;
  try {
    return { ...fresh, ...(JSON.parse(text) as Partial<Kamafile>) };
  } catch {
    throw new Refusal(500, 'kamafile_broken', `The key "${space}" of the ConfigMap "${name}" is not valid JSON.`);
  }
}

/** readKamafile gives the state of an install; a fresh one when the cluster has none yet. */
export const readKamafile = async (context: InstallContext): Promise<Kamafile> =>
  parseKamafile(context, await fetchConfigMap(context));

/**
 * updateKamafile reads, changes and writes the state. Two writers cannot overwrite each other: the write names the version that was read,
 * and the loser reads again.
 */
export async function updateKamafile(
  context: InstallContext,
  change: (kamafile: Kamafile) => Partial<Kamafile>,
): Promise<Kamafile> {
  for (let attempt = 1; attempt <= triesMax; attempt++) {
    const map = await fetchConfigMap(context);
    const before = parseKamafile(context, map);
    const at = new Date().toISOString();
    const after: Kamafile = { ...before, ...change(before), last_updated: at };
    const next: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: context.install.namespace,
        labels: { ...map?.metadata.labels, managed_by: 'nmachine' },
        annotations: { ...map?.metadata.annotations, updated_at: at },
        ...(map?.metadata.resourceVersion ? { resourceVersion: map.metadata.resourceVersion } : {}),
      },
      data: { ...map?.data, [space]: JSON.stringify(after) },
    };
    const [method, url] = map ? (['PUT', `/${name}`] as const) : (['POST', ''] as const);
    const { status } = await callNMachine(context, method, proxyUrl(context, url), next, [409]);
    if (status !== 409) return after;
  }
  throw new Refusal(409, 'kamafile_busy', 'Somebody else keeps changing the state of this install. Try again.');
}

/** assign adds assignments to the user's level. */
export const assign = (context: InstallContext, flat: Readonly<Record<string, Value>>): Promise<Kamafile> =>
  updateKamafile(context, (kamafile) => ({ user_vars: deepen({ ...flatten(kamafile.user_vars), ...flat }) }));
