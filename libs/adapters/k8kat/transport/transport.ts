import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createEgressAgent, createEgressDialer, type EgressPolicy } from '@nm/adapters/egress';
import { type Clock, systemClock } from '@nm/kernel/time';
import type { Agent, Dispatcher } from 'undici';
import type { WebSocket } from 'ws';
import type { UpgradeOptions } from '../streams/stream-transport.js';
import { openWebSocket } from '../streams/upgrade.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { type Impersonation, impersonationHeaders } from './impersonation.js';
import { KeptConnections } from './kept-connections.js';
import { faultOfDial, faultOfStatus, isKubeStatus, type KubeStatus } from './kube-faults.js';
import type { KubeMethod, KubeRequestOptions } from './kube-types.js';
import { type PlainRequest, requestBytes } from './request-bytes.js';
import { sendWhole, tooLarge } from './whole-answer.js';

/** KubeTarget is where a cluster's API server is, how it proves who it is, and who we are to it. */
export interface KubeTarget {
  /** `https://host:port`, with a path when the API is behind one. */
  readonly server: string;
  /** PEM bundle; without it the system's authorities count. */
  readonly ca?: string | undefined;
  readonly tlsServerName?: string | undefined;
  /** Accept any certificate. */
  readonly insecure?: boolean | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  /** A bearer token, or where to get the current one. */
  readonly token?: string | (() => Promise<string>) | undefined;
  /** Called when the cluster refused the token (401): drop it, and the request is sent once more with a new one. */
  readonly onTokenRefused?: (() => void) | undefined;
  /** Opens the way for bytes instead of a connection to `server`, when the API server is reached through a tunnel. */
  readonly connect?: (() => Promise<Duplex>) | undefined;
}

export interface TransportOptions {
  readonly policy: EgressPolicy;
  readonly clock?: Clock;
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** Requests under way at once, streams apart. */
  readonly concurrencyMax?: number;
  /**
   * Which requests may share connections by HTTP/2, where the server offers it. Default: off. It saves a connection a stream, but undici raises errors
   * that nobody can catch when a session closes while such streams are open, so it must not be on where a process has to live on.
   */
  readonly http2?: 'off' | 'streams' | 'all';
  /** Seen once per TLS connection that was opened. */
  readonly onConnect?: () => void;
}

const timeoutMsDefault = 30_000;
const answerBytesMax = 32 * 1024 * 1024;
const throttleRetriesMax = 2;
const throttleWaitMsMax = 10_000;
const connectionsMax = 128;
const concurrencyMaxDefault = 32;

/** Transport carries requests to one API server as one identity, over one pool of kept-alive connections. */
export class Transport {
  readonly server: string;
  /** For streams, and for who proxies raw requests. */
  readonly dispatcher: Agent;
  /** For requests whose answer is read whole. */
  readonly #kept: KeptConnections;
  /** HTTP/2 where it is offered; undefined when it is not wanted. */
  readonly #shared: Agent | undefined;
  readonly #target: KubeTarget;
  readonly #origin: string;
  readonly #host: string;
  readonly #basePath: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #options: TransportOptions;
  readonly #isView: boolean;
  readonly #dial: ReturnType<typeof createEgressDialer>;
  readonly #sockets: Set<WebSocket>;
  readonly #limit: ConcurrencyLimit;
  readonly #impersonation: Record<string, string | string[]>;
  /** undici's HTTP/2 joins repeated fields with commas, and two groups would become one of another name. */
  readonly #isRepeated: boolean;

  /** @param pool another transport to the same server, whose connections and limits are used instead of new ones */
  constructor(target: KubeTarget, options: TransportOptions, pool?: Transport, as?: Impersonation) {
    const url = new URL(target.server);
    this.server = target.server;
    this.#target = target;
    this.#origin = url.origin;
    this.#host = url.host;
    this.#basePath = url.pathname.replace(/\/+$/, '');
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault;
    const egress = {
      tls: {
        ...(target.ca ? { ca: target.ca } : {}),
        ...(target.clientCertificate ? { cert: target.clientCertificate } : {}),
        ...(target.clientKey ? { key: target.clientKey } : {}),
        ...(target.tlsServerName ? { servername: target.tlsServerName } : {}),
        rejectUnauthorized: !target.insecure,
      },
      connectionsMax,
      through: target.connect,
      ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
      ...(options.onConnect ? { onConnect: options.onConnect } : {}),
    };
    this.dispatcher = pool?.dispatcher ?? createEgressAgent(options.policy, egress);
    const isOff = (options.http2 ?? 'off') === 'off';
    this.#shared = pool
      ? pool.#shared
      : isOff
        ? undefined
        : createEgressAgent(options.policy, { ...egress, preferH2: true });
    this.#dial = pool ? pool.#dial : createEgressDialer(options.policy, egress);
    const dial = (): Promise<Socket> => this.dial();
    this.#kept = pool ? pool.#kept : new KeptConnections({ clock: this.#clock, host: this.#host, dial });
    this.#sockets = pool ? pool.#sockets : new Set();
    this.#limit = pool ? pool.#limit : new ConcurrencyLimit(options.concurrencyMax ?? concurrencyMaxDefault);
    this.#impersonation = impersonationHeaders(as);
    this.#isRepeated = Object.values(this.#impersonation).some((value) => Array.isArray(value) && value.length > 1);
    this.#options = options;
    this.#isView = pool !== undefined;
  }

  /** as gives a transport that the server takes for somebody else, over the same connections. */
  as(who: Impersonation): Transport {
    return new Transport(this.#target, this.#options, this, who);
  }

  /** dial opens one connection to the API server, checked like those of the pool, for who speaks on it himself. */
  dial(): Promise<Socket> {
    return this.#dial(new URL(this.#origin));
  }

  /** authorization gives the header's value; undefined when a client certificate is the credential. */
  async authorization(): Promise<string | undefined> {
    const { token } = this.#target;
    const text = typeof token === 'function' ? await token() : token;
    return text === undefined ? undefined : `Bearer ${text}`;
  }

  /**
   * request sends JSON and reads JSON. A throttled (429, 503 with Retry-After) or broken idempotent request is sent again, twice at most.
   * @throws Fault cluster_unreachable, cluster_unauthorized, cluster_forbidden, kube_api, egress_denied
   */
  async request(method: KubeMethod, path: string, options: KubeRequestOptions = {}): Promise<unknown> {
    const idempotent = options.idempotent ?? method === 'GET';
    let tokenRenewed = false;
    for (let attempt = 0; ; attempt++) {
      const sent = this.#limit.run(() => this.#send(method, path, options), options.signal);
      const answer = await sent.catch((error: unknown) => {
        if (idempotent && attempt < throttleRetriesMax && isBrokenConnection(error)) return undefined;
        throw faultOfDial(error, this.server, options.signal);
      });
      if (!answer) continue;
      if (answer.status < 400) {
        this.#limit.grow();
        return answer.json;
      }
      if (answer.status === 429) this.#limit.shrink();
      if (answer.status === 401 && this.#target.onTokenRefused && !tokenRenewed) {
        tokenRenewed = true;
        this.#target.onTokenRefused();
        continue;
      }
      const waitMs = idempotent && attempt < throttleRetriesMax ? throttleWaitMs(answer) : undefined;
      if (waitMs === undefined) throw faultOfStatus(answer.status, answer.json as KubeStatus | undefined);
      await this.#clock.sleep(waitMs, options.signal);
    }
  }

  /** stream sends a request whose answer is read as it comes (watch, logs); the caller owns the body. */
  async stream(path: string, options: KubeRequestOptions = {}): Promise<Dispatcher.ResponseData['body']> {
    for (let attempt = 0; ; attempt++) {
      const reply = await this.#openStream(path, options);
      if (reply.statusCode < 400) return reply.body;
      const text = await readText(reply.body, answerBytesMax);
      if (reply.statusCode !== 401 || !this.#target.onTokenRefused || attempt > 0)
        throw faultOfStatus(reply.statusCode, parseJson(text) as KubeStatus | undefined);
      this.#target.onTokenRefused();
    }
  }

  async #openStream(path: string, options: KubeRequestOptions): Promise<Dispatcher.ResponseData> {
    const { signal } = options;
    const agent = (!this.#isRepeated && this.#shared) || this.dispatcher;
    try {
      const request = await this.#requestOf('GET', path, options);
      options.beforeSend?.();
      return await agent.request({ ...request, ...(signal ? { signal } : {}) });
    } catch (error) {
      throw faultOfDial(error, this.server, signal);
    }
  }

  /** identity gives the headers by which the API server knows who asks, impersonation included. */
  async identity(): Promise<Record<string, string | string[]>> {
    const authorization = await this.authorization();
    return { ...this.#impersonation, ...(authorization ? { authorization } : {}) };
  }

  /** upgrade opens a WebSocket (exec, attach, port-forward) as the same identity, at an address that was checked the same way. */
  async upgrade(path: string, options: UpgradeOptions): Promise<WebSocket> {
    for (let attempt = 0; ; attempt++) {
      try {
        const socket = await openWebSocket({
          url: this.#upgradeUrl(path, options),
          protocols: options.protocols,
          headers: await this.identity(),
          dial: this.#dial,
          signal: options.signal,
          handshakeTimeoutMs: this.#timeoutMs,
          beforeSend: options.beforeSend,
        });
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return socket;
      } catch (error) {
        if (!isKubeStatus(error, 401) || !this.#target.onTokenRefused || attempt > 0)
          throw faultOfDial(error, this.server, options.signal);
        this.#target.onTokenRefused();
      }
    }
  }

  #upgradeUrl(path: string, options: UpgradeOptions): URL {
    const url = new URL(this.#origin + this.#basePath + path);
    for (const [name, value] of Object.entries(definedOnly(options.query))) url.searchParams.append(name, value);
    for (const [name, values] of Object.entries(options.repeated ?? {}))
      for (const value of values) url.searchParams.append(name, value);
    return url;
  }

  /** dropToken forgets the current token, so that the next request asks for one; connections and what is on them stay. */
  dropToken(): void {
    this.#target.onTokenRefused?.();
  }

  retire(): void {
    if (this.#isView) return;
    this.#kept.retire();
    for (const agent of [this.dispatcher, this.#shared]) void agent?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#isView) return;
    for (const socket of this.#sockets) socket.terminate();
    this.#kept.close();
    await Promise.all([this.dispatcher.destroy(), this.#shared?.destroy()]);
  }

  async #send(method: KubeMethod, path: string, options: KubeRequestOptions): Promise<Answer> {
    const limits = {
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      bytesMax: options.answerBytesMax ?? answerBytesMax,
      signal: options.signal,
      beforeSend: options.beforeSend,
    };
    const request = await this.#requestOf(method, path, options);
    const shared = this.#options.http2 === 'all' && !this.#isRepeated ? this.#shared : undefined;
    const { status, retryAfter, text } = shared
      ? await sendWhole(shared, request, limits)
      : await this.#kept.send(requestBytes(request, this.#host), limits);
    const seconds = Number(retryAfter);
    return {
      status,
      json: parseJson(text),
      ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {}),
    };
  }

  async #requestOf(method: KubeMethod, path: string, options: KubeRequestOptions): Promise<PlainRequest> {
    const authorization = await this.authorization();
    return {
      origin: this.#origin,
      path: this.#basePath + path,
      method,
      ...(options.query ? { query: definedOnly(options.query) } : {}),
      headers: {
        accept: options.accept ?? 'application/json',
        'user-agent': 'nmachine',
        ...this.#impersonation,
        ...(authorization ? { authorization } : {}),
        ...(options.body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
    };
  }
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly retryAfterMs?: number;
}

const definedOnly = (query: KubeRequestOptions['query'] = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  );

function throttleWaitMs(answer: Answer): number | undefined {
  if ((answer.status !== 429 && answer.status !== 503) || answer.retryAfterMs === undefined) return undefined;
  return Math.min(answer.retryAfterMs, throttleWaitMsMax);
}

/** A kept-alive connection that the server closed while our request was on its way. */
function isBrokenConnection(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return false;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('ERR_HTTP2_');
}

async function readText(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A proxy in front of an API server may answer in HTML or plain text. */
function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 500) };
  }
}
