import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { Agent, buildConnector } from 'undici';
import type { EgressPolicy, ResolvedAddress } from './egress-policy.js';

export interface EgressAgentOptions {
  /** CA, client certificate and the like; `servername` replaces the name that the certificate is checked against. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
  /**
   * Opens what bytes travel through instead of a connection of ours: a tunnel whose other end dials one address of its own choice. Nothing is resolved
   * or dialled here then; TLS, with all its checks, is still between us and the server at the end. https only.
   */
  readonly through?: (() => Promise<Duplex>) | undefined;
  readonly connectTimeoutMs?: number;
  /** Connections at most to one origin. */
  readonly connectionsMax?: number;
  readonly keepAliveTimeoutMs?: number;
  /** Offers HTTP/2 before HTTP/1.1 (ALPN), and the server chooses. Not for upgrades: those have no counterpart in undici's HTTP/2. */
  readonly preferH2?: boolean;
  /** Called for each connection that was opened, after its TLS handshake. */
  readonly onConnect?: () => void;
}

const connectTimeoutMsDefault = 5_000;

/**
 * createEgressAgent is an undici Agent whose every connection goes to an address that the policy has just checked.
 * undici hands IP literals to the socket without any look-up hook, so the check sits in the connector, where both literals and names pass.
 * Redirects are never followed.
 */
export function createEgressAgent(policy: EgressPolicy, options: EgressAgentOptions = {}): Agent {
  const dial = connectorOf(options);
  const connect: buildConnector.connector = (target, callback) => {
    void dialEither(policy, dial, target, options).then(
      (socket) => {
        options.onConnect?.();
        callback(null, socket);
      },
      (error: unknown) => callback(error as Error, null),
    );
  };
  return new Agent({
    connect,
    allowH2: options.preferH2 ?? false,
    // Of HTTP/1.1; over HTTP/2 as many requests share a connection as the server allows.
    pipelining: 1,
    connections: options.connectionsMax ?? null,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 60_000,
  });
}

/**
 * createEgressDialer opens single connections (TLS for https and wss) under the same rules as `createEgressAgent`: for protocols that
 * want a socket of their own, such as WebSocket. @throws Fault egress_denied, and what the socket throws
 */
export function createEgressDialer(
  policy: EgressPolicy,
  options: EgressAgentOptions = {},
): (url: URL) => Promise<Socket> {
  const dial = connectorOf({ ...options, preferH2: false });
  return async (url) => {
    const secure = url.protocol === 'https:' || url.protocol === 'wss:';
    const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const target = {
      hostname,
      protocol: secure ? 'https:' : 'http:',
      port: url.port || (secure ? '443' : '80'),
      ...(options.tls?.servername ? { servername: options.tls.servername } : {}),
    };
    const socket = await dialEither(policy, dial, target, options);
    options.onConnect?.();
    return socket;
  };
}

const connectorOf = (options: EgressAgentOptions): buildConnector.connector =>
  buildConnector({
    ...options.tls,
    timeout: options.connectTimeoutMs ?? connectTimeoutMsDefault,
    allowH2: options.preferH2 ?? false,
    preferH2: options.preferH2 ?? false,
  });

type Dialled = Parameters<buildConnector.Callback>[1] & object;

const dialEither = (
  policy: EgressPolicy,
  dial: buildConnector.connector,
  target: buildConnector.Options,
  { through }: EgressAgentOptions,
): Promise<Dialled> => (through ? dialTwice(through, dial, target) : dialPinned(policy, dial, target));

/** A tunnel may break at the very moment that it is chosen. Nothing was asked of the server then, so another may be taken. */
async function dialTwice(
  through: () => Promise<Duplex>,
  dial: buildConnector.connector,
  target: buildConnector.Options,
): Promise<Dialled> {
  try {
    return await dialThrough(through, dial, target);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ECONNRESET') throw error;
    return dialThrough(through, dial, target);
  }
}

async function dialThrough(
  through: () => Promise<Duplex>,
  dial: buildConnector.connector,
  target: buildConnector.Options,
): Promise<Dialled> {
  const carrier = await through();
  const servername = target.servername ?? (isIP(target.hostname) ? undefined : target.hostname);
  return new Promise((resolve, reject) => {
    // A tunnel that breaks before the handshake is over would otherwise look like a time-out.
    const onBroken = (): void =>
      reject(carrier.errored ?? Object.assign(new Error('the tunnel closed'), { code: 'ECONNRESET' }));
    carrier.once('close', onBroken);
    // undici asks for a Socket; TLS takes any Duplex.
    dial({ ...target, ...(servername ? { servername } : {}), httpSocket: carrier as Socket }, (error, socket) => {
      carrier.off('close', onBroken);
      if (socket) return resolve(socket);
      carrier.destroy();
      reject(error as Error);
    });
  });
}

async function dialPinned(
  policy: EgressPolicy,
  dial: buildConnector.connector,
  target: buildConnector.Options,
): Promise<Dialled> {
  const pinned = await policy.resolveAndPin(target.hostname);
  const isLiteral = pinned.addresses[0].address === pinned.hostname;
  let failure: unknown;
  for (const address of pinned.addresses) {
    try {
      // With a name, the certificate is checked against that name although an address is dialled.
      const servername = target.servername ?? (isLiteral || target.protocol !== 'https:' ? undefined : pinned.hostname);
      return await dialOne(dial, { ...target, ...(servername ? { servername } : {}) }, address);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function dialOne(
  dial: buildConnector.connector,
  target: buildConnector.Options,
  { address }: ResolvedAddress,
): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    // `host` would otherwise win over the address as the source of the server name.
    dial({ ...target, hostname: address, host: address }, (error, socket) =>
      socket ? resolve(socket) : reject(error as Error),
    );
  });
}
