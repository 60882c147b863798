import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';

/** KubeObject is any Kubernetes object as plain JSON: unknown and newer fields survive, dates stay text. */
export interface KubeObject extends KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  [field: string]: unknown;
}

/** KubeRef names one object. */
export interface KubeRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** ApiResource is what discovery says of a kind. */
export interface ApiResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** Plural, lower case, as it stands in paths. */
  readonly resource: string;
  readonly namespaced: boolean;
}

export type KubeMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface KubeRequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON (which is YAML too). */
  readonly body?: unknown;
  /** Wanted with PATCH: `application/apply-patch+yaml`, `application/merge-patch+json`, … */
  readonly contentType?: string;
  /** What the answer should be; JSON when left out. */
  readonly accept?: string;
  /** An answer that is longer is not read to its end. */
  readonly answerBytesMax?: number;
  readonly signal?: AbortSignal | undefined;
  /** For the whole answer. */
  readonly timeoutMs?: number;
  /** Says that sending it twice does no harm, so that a throttled or broken request is sent again. GET always is. */
  readonly idempotent?: boolean;
  /** Called each time right before the request leaves, repetitions included; what it throws stops the request. */
  readonly beforeSend?: (() => void) | undefined;
}
