import type { TemplatingEngine } from '@nm/adapters/templating';
import type { Dict } from '../values/dict.js';

/** KamafileSpace is what an install keeps of one space. */
export interface KamafileSpace {
  readonly default_vars: Dict;
  readonly vendor_injection_vars: Dict;
  readonly user_injection_vars: Dict;
  readonly user_vars: Dict;
  readonly prefs: Dict;
  /** Everything else: `ktea`, `kama`, `status`, `install_id`, … */
  readonly entries: Dict;
}

/** KamafileReader gives the state of an install as the request found it. */
export interface KamafileReader {
  /** None when the install does not have the space. */
  read(space: string): Promise<KamafileSpace | undefined>;
}

/** ClusterQuery names objects of one kind. */
export interface ClusterQuery {
  /** A kind, in any spelling that Kubernetes knows: `Pod`, `pods`, `deployment`. */
  readonly kind: string;
  readonly apiVersion?: string;
  /** None for kinds that have no namespace. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export type { TemplatingEngine };

/** ServedResource is a kind that the cluster serves. */
export interface ServedResource {
  readonly kind: string;
  readonly plural: string;
  readonly apiVersion: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
}

/** A Kubernetes object as JSON. */
export type KubeResource = Dict;

/** ClusterReader looks at the cluster of the install, by the install's own session. */
export interface ClusterReader {
  list(query: ClusterQuery, signal: AbortSignal): Promise<readonly KubeResource[]>;
  /** metrics gives the use of pods as metrics.k8s.io tells it; none where nothing measures. */
  metrics?(namespace: string, signal: AbortSignal): Promise<readonly KubeResource[]>;
  /** service sends a GET to a Service through the API server, and gives its JSON; none when nobody answers. */
  service?(
    service: { readonly name: string; readonly namespace: string; readonly port: string },
    asked: { readonly path: string; readonly query: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<unknown>;
  /** kinds lists what the cluster serves. */
  kinds?(signal: AbortSignal): Promise<readonly ServedResource[]>;
  /** dryRun asks whether the cluster would take a manifest; the sentence says why not. */
  dryRun?(
    manifest: KubeResource,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
}

/** HttpReader makes GET requests to public addresses, through the egress policy. None when nobody answers. */
export type HttpReader = (
  url: string,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: string } | undefined>;

/** Release is an engine of another version that is offered. */
export interface Hub {
  release(space: string, id: string, signal: AbortSignal): Promise<Dict | undefined>;
  injection(space: string, signal: AbortSignal): Promise<Dict | undefined>;
  releases?(space: string, signal: AbortSignal): Promise<readonly Dict[]>;
  /** The release that the install should take next. */
  available?(space: string, signal: AbortSignal): Promise<Dict | undefined>;
}

/** Evaluator runs the jq programs that are more than a path. */
export interface JqEngine {
  jq(program: string, input: unknown, options: { readonly many?: boolean; readonly tenant?: string }): Promise<unknown>;
}
