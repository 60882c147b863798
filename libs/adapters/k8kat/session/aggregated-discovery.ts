import { Fault } from '@nm/kernel/fault';
import { type Clock, systemClock } from '@nm/kernel/time';
import type { ApiResource } from '../transport/kube-types.js';
import type { Transport } from '../transport/transport.js';

/** ServedKind is a kind that the cluster serves, with the names that people use for it. */
export interface ServedKind extends ApiResource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
}

/** apidiscovery.k8s.io/v2 APIGroupDiscoveryList. */
interface GroupDiscoveryList {
  readonly kind?: string;
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly { readonly version: string; readonly resources?: readonly DiscoveredResource[] }[];
  }[];
}
interface DiscoveredResource {
  readonly resource: string;
  readonly responseKind?: { readonly kind: string };
  readonly scope: string;
  readonly singularResource?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly string[];
}

/** What servers before 1.26 say. */
interface LegacyResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly singularName?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
    readonly verbs?: readonly string[];
  }[];
}

const accept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
const keepMs = 600_000;

/** AggregatedDiscovery knows everything that a cluster serves, from two requests, and keeps it for ten minutes. */
export class AggregatedDiscovery {
  readonly #transport: Transport;
  readonly #clock: Clock;
  #known: { readonly atMs: number; readonly kinds: Promise<readonly ServedKind[]> } | undefined;

  constructor(transport: Transport, clock: Clock = systemClock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** kinds gives all, the core group first and each group's preferred version before its others. */
  kinds(): Promise<readonly ServedKind[]> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#known && nowMs - this.#known.atMs < keepMs) return this.#known.kinds;
    const fresh = { atMs: nowMs, kinds: this.#read() };
    this.#known = fresh;
    fresh.kinds.catch(() => {
      if (this.#known === fresh) this.#known = undefined;
    });
    return fresh.kinds;
  }

  /**
   * find takes what people write: `Certificate`, `certs`, `certificates.cert-manager.io`, `cert-manager.io/v1/Certificate`. What is not known
   * is asked for anew, so a definition that was applied a moment ago is found. @throws Fault kube_api with reason `NoKindMatch`
   */
  async find(name: string): Promise<ServedKind> {
    const isOld = this.#known !== undefined;
    const found = pick(await this.kinds(), name);
    if (found) return found;
    if (isOld) this.#known = undefined;
    const again = isOld ? pick(await this.kinds(), name) : undefined;
    if (again) return again;
    throw new Fault('kube_api', {
      public: `The cluster serves no kind called "${name}".`,
      extra: { status: 404, reason: 'NoKindMatch' },
    });
  }

  async #read(): Promise<readonly ServedKind[]> {
    const [core, groups] = (await Promise.all([
      this.#transport.request('GET', '/api', { accept }),
      this.#transport.request('GET', '/apis', { accept }),
    ])) as [GroupDiscoveryList, GroupDiscoveryList];
    if (core.kind === 'APIGroupDiscoveryList' && groups.kind === 'APIGroupDiscoveryList')
      return [...kindsOf(core), ...kindsOf(groups)];
    return this.#readOneByOne(core as { versions?: string[] }, groups as LegacyGroups);
  }

  async #readOneByOne(core: { readonly versions?: readonly string[] }, groups: LegacyGroups): Promise<ServedKind[]> {
    const versions = [
      ...(core.versions ?? []),
      ...(groups.groups ?? []).flatMap(({ preferredVersion, versions: all }) => {
        const preferred = preferredVersion?.groupVersion;
        return [
          ...(preferred ? [preferred] : []),
          ...all.map((one) => one.groupVersion).filter((one) => one !== preferred),
        ];
      }),
    ];
    const lists = await Promise.all(
      versions.map(async (apiVersion) => {
        const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
        // An extension whose server is down takes nothing else with it.
        const list = (await this.#transport.request('GET', path).catch(() => ({}))) as LegacyResources;
        return (list.resources ?? [])
          .filter(({ name }) => !name.includes('/'))
          .map(({ name, kind, namespaced, singularName, shortNames, categories, verbs }) => ({
            apiVersion,
            kind,
            resource: name,
            namespaced,
            singular: singularName || kind.toLowerCase(),
            shortNames: shortNames ?? [],
            categories: categories ?? [],
            verbs: verbs ?? [],
          }));
      }),
    );
    return lists.flat();
  }
}

interface LegacyGroups {
  readonly groups?: readonly {
    readonly preferredVersion?: { readonly groupVersion: string };
    readonly versions: readonly { readonly groupVersion: string }[];
  }[];
}

const kindsOf = ({ items = [] }: GroupDiscoveryList): ServedKind[] =>
  items.flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((one) => ({
        apiVersion: metadata?.name ? `${metadata.name}/${version}` : version,
        kind: one.responseKind?.kind ?? '',
        resource: one.resource,
        namespaced: one.scope === 'Namespaced',
        singular: one.singularResource || (one.responseKind?.kind ?? '').toLowerCase(),
        shortNames: one.shortNames ?? [],
        categories: one.categories ?? [],
        verbs: one.verbs ?? [],
      })),
    ),
  );

function pick(kinds: readonly ServedKind[], name: string): ServedKind | undefined {
  const wanted = name.toLowerCase();
  return (
    kinds.find((one) => `${one.apiVersion}/${one.kind}`.toLowerCase() === wanted) ??
    kinds.find((one) => [one.kind.toLowerCase(), one.resource, one.singular, ...one.shortNames].includes(wanted)) ??
    kinds.find((one) => `${one.resource}.${one.apiVersion.split('/')[0]}` === wanted)
  );
}
