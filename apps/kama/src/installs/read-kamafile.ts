import type { KubeSession } from '@nm/adapters/k8kat';
import type { KamafileReader } from '@nm/kama-sdk';
import { hasCode } from '@nm/kernel/fault';
import {
  type Kamafile,
  kamafileName,
  olderKamafileName,
  overlaySecrets,
  parseKamafile,
  type Space,
} from '@nm/kernel/kamafile';
import { type Backup, backupsName, backupsOf, type KeptData } from './backups.js';
import { decoded } from './secret-data.js';

interface Keyed {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface Place {
  /** Of the ConfigMap; none when there is no ConfigMap `kamafile` yet. */
  readonly resourceVersion?: string;
}

interface Held {
  readonly kamafile: Kamafile;
  readonly place: Place;
  /** The text of the ConfigMap, by space. */
  readonly plain: Readonly<Record<string, string>>;
}

/** OpenKamafile is an install's state as one request sees it. */
export interface OpenKamafile extends KamafileReader {
  place(): Promise<Place>;
  /** kept is what a backup copies, and the copies that there are; none when the install's Role keeps us from the latter. */
  kept(): Promise<KeptData | undefined>;
  backups(): Promise<Backup[]>;
}

/** openKamafile reads the state when it is first asked for, and once: a request sees one state. */
export function openKamafile(cluster: KubeSession, namespace: string, signal: AbortSignal): OpenKamafile {
  let found: ReturnType<typeof readKamafile> | undefined;
  let copies: Promise<Keyed | undefined | 'forbidden'> | undefined;
  const readCopies = () => {
    copies ??= orForbidden(
      cluster.get({ apiVersion: 'v1', kind: 'ConfigMap', name: backupsName }, namespace, signal) as Promise<
        Keyed | undefined
      >,
    );
    return copies;
  };
  const read = () => {
    found ??= readKamafile(cluster, namespace, signal);
    return found;
  };
  return {
    read: async (space) => {
      const held = (await read()).kamafile.get(space);
      return held && readerSpace(held);
    },
    place: async () => (await read()).place,
    kept: async () => {
      const map = await readCopies();
      if (map === 'forbidden') return undefined;
      return { kamafile: (await read()).plain, backups: map && (map.data ?? {}) };
    },
    backups: async () => {
      const map = await readCopies();
      return map === 'forbidden' ? [] : backupsOf(map?.data ?? {});
    },
  };
}

/** readKamafile joins the ConfigMap with the Secret of the same name; installs of the first generation have a ConfigMap `master` instead. */
async function readKamafile(cluster: KubeSession, namespace: string, signal: AbortSignal): Promise<Held> {
  const get = (kind: string, name: string) =>
    cluster.get({ apiVersion: 'v1', kind, name }, namespace, signal) as Promise<Keyed | undefined>;
  const [present, secret] = await Promise.all([
    get('ConfigMap', kamafileName),
    unlessForbidden(get('Secret', kamafileName)),
  ]);
  const map = present ?? (await unlessForbidden(get('ConfigMap', olderKamafileName)));
  const resourceVersion = present?.metadata?.resourceVersion;
  const place: Place = resourceVersion === undefined ? {} : { resourceVersion };
  const plain = parseKamafile(map?.data ?? {});
  const held = { place, plain: present?.data ?? {} };
  if (!secret?.data) return { ...held, kamafile: plain };
  const hidden = parseKamafile(decoded(secret.data));
  const joined = [...plain].map(([name, space]) => [name, overlaySecrets(space, hidden.get(name) ?? space)] as const);
  return { ...held, kamafile: new Map(joined) };
}

/** A version whose Role does not name an object keeps nothing in it: the cluster's refusal says just that. */
async function unlessForbidden<T>(read: Promise<T>): Promise<T | undefined> {
  const found = await orForbidden(read);
  return found === 'forbidden' ? undefined : found;
}

async function orForbidden<T>(read: Promise<T>): Promise<T | 'forbidden'> {
  try {
    return await read;
  } catch (error) {
    if (hasCode(error, 'cluster_forbidden')) return 'forbidden';
    throw error;
  }
}

const readerSpace = ({ fields, levels, prefs }: Space) => ({
  default_vars: levels.default_vars,
  vendor_injection_vars: levels.publisher_injection_vars,
  user_injection_vars: levels.user_injection_vars,
  user_vars: levels.user_vars,
  prefs,
  entries: fields,
});
