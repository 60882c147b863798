import type { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { KubeMethod, KubeRequestOptions } from '../transport/kube-types.js';

export interface UpgradeOptions {
  readonly query?: KubeRequestOptions['query'];
  /** Several values of one name, as `command` has. */
  readonly repeated?: Readonly<Record<string, readonly string[]>>;
  readonly protocols: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Called once the connection stands, right before the handshake is sent; what it throws ends it unsent. */
  readonly beforeSend?: (() => void) | undefined;
}

/** StreamTransport is what streams need of a connection to a cluster; `KubeSession` is one. */
export interface StreamTransport {
  request<T = unknown>(method: KubeMethod, path: string, options?: KubeRequestOptions): Promise<T>;
  stream(path: string, options?: KubeRequestOptions): Promise<Readable>;
  /** upgrade opens a WebSocket at `path`. @throws Fault cluster_unreachable, cluster_unauthorized, cluster_forbidden, kube_api */
  upgrade(path: string, options: UpgradeOptions): Promise<WebSocket>;
}
