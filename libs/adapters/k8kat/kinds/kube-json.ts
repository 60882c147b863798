/** Json turns one of client-node's object types into what stands in the JSON: dates are text. */
export type Json<T> = T extends Date
  ? string
  : T extends (infer I)[]
    ? Json<I>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

/** OwnerReference says whose child an object is. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

/** Meta is the metadata of any object (meta/v1 ObjectMeta). */
export interface Meta {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

/** KubeJson is the least that every Kubernetes object has; unknown and newer fields survive in it. */
export interface KubeJson {
  apiVersion?: string;
  kind?: string;
  metadata?: Meta;
}
