import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { faultOfStatus } from '../transport/kube-faults.js';
import { segment } from '../transport/kube-paths.js';
import { capture } from './capture.js';
import { Channels } from './channels.js';
import type { PodPlace } from './exec.js';
import { type ForwardTarget, openToReady, routesOf } from './forward-route.js';
import type { StreamTransport } from './stream-transport.js';

/** LocalForward is a port of this machine that leads to a port of a pod, or of one of several. */
export interface LocalForward {
  readonly host: string;
  readonly port: number;
  /** Why the newest connection that failed did, for example because nothing listens in the pod. */
  readonly lastError: () => unknown;
  /** Ends the listener and every connection. */
  close(): Promise<void>;
}

export interface ForwardOptions {
  /** Default: one that is free. */
  readonly localPort?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly signal?: AbortSignal | undefined;
}

const dataChannel = 0;
const errorChannel = 1;

/**
 * openPortForward connects to one port of a pod, as seen from inside of it. The protocol cannot half-close: ending the writing side
 * says nothing to the pod, so end the whole connection when done. The stream fails with Fault kube_api when nothing listens there.
 */
export async function openPortForward(
  transport: StreamTransport,
  place: PodPlace,
  port: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  const path = `/api/v1/namespaces/${segment(place.namespace)}/pods/${segment(place.pod)}/portforward`;
  const socket = await transport.upgrade(path, { query: { ports: port }, protocols: ['v4.channel.k8s.io'], signal });
  const channels = new Channels(socket, { greeting: true });
  const failure = capture(channels.readable(errorChannel), 64 * 1024);
  const duplex = duplexOf(channels.readable(dataChannel), channels.writable(dataChannel));
  const onAbort = () => duplex.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort, { once: true });
  duplex.once('close', () => {
    signal?.removeEventListener('abort', onAbort);
    channels.close();
  });
  void failure.then(({ bytes }) => {
    if (bytes.length > 0)
      duplex.destroy(faultOfStatus(502, { reason: 'PortForward', message: bytes.toString('utf8') }));
  });
  return duplex;
}

/** Unlike Duplex.from, it lets what was received be read to its end when the sending side is over. */
function duplexOf(source: Readable, sink: Writable): Duplex {
  const duplex = new Duplex({
    read: () => source.resume(),
    write: (chunk: Buffer, _, done) => {
      sink.write(chunk, done);
    },
    destroy: (error, done) => {
      source.destroy();
      done(error);
    },
  });
  source.on('data', (chunk: Buffer) => duplex.push(chunk) || source.pause());
  source.once('end', () => duplex.push(null));
  sink.on('error', () => undefined);
  return duplex;
}

/**
 * listenPortForward opens a port of this machine; each connection to it becomes one to a pod of the target that is ready then, the same one while it is.
 * A connection whose pod goes away ends; the next one finds another.
 * @throws Fault kube_api when there is no such port, or no pod is ready
 */
export async function listenPortForward(
  transport: StreamTransport,
  target: ForwardTarget,
  options: ForwardOptions = {},
): Promise<LocalForward> {
  const { host = '127.0.0.1', localPort = 0, signal } = options;
  await routesOf(target);
  const dial = openToReady(target, (pod, port) =>
    openPortForward(transport, { namespace: target.namespace, pod }, port, signal),
  );
  let lastError: unknown;
  const open = new Set<Socket>();
  const server = createServer((local) => {
    open.add(local);
    local.once('close', () => open.delete(local));
    local.on('error', () => undefined);
    dial().then(
      (remote) => {
        remote.on('error', (error) => {
          lastError = error;
          local.destroy();
        });
        local.once('close', () => remote.destroy());
        local.pipe(remote, { end: false });
        remote.pipe(local);
      },
      (error: unknown) => {
        lastError = error;
        local.destroy();
      },
    );
  });
  await listening(server, localPort, host);
  const close = async () => {
    for (const socket of open) socket.destroy();
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  signal?.addEventListener('abort', () => void close(), { once: true });
  return { host, port: (server.address() as AddressInfo).port, lastError: () => lastError, close };
}

const listening = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
