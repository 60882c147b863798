import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Logger } from '@nm/adapters/telemetry';
import { type Mux, muxOverWebSocket } from '@nm/adapters/tunnel';
import { type AgentHello, agentPath } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { WebSocket } from 'ws';
import type { AgentMetrics } from './agent-metrics.js';
import type { AgentConfig } from './config.js';
import { Refusal, skewSeconds } from './explain-refusal.js';
import { relayStream } from './relay-stream.js';

export interface AgentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
}

/** A tunnel that stands. */
export interface Tunnel {
  /** The agent's token that opened it. */
  readonly token: string;
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<string>;
  readonly streams: number;
  /** tellToken passes on the kubelet's latest token, when it is another. */
  tellToken(): Promise<void>;
  /** leave asks for no new streams, lets those on it finish for so long, and ends it. */
  leave(graceMs: number): Promise<void>;
}

const handshakeMs = 10_000;
/** NMachine says by then that it sends nothing new. */
const answerMs = 3_000;
const lookMs = 50;
const clockWarning =
  "this machine's clock and NMachine's differ by so many seconds; certificates and tokens will be refused when it gets worse";
/** Matches the image's version. */
const version = '0.1.0';

/** openTunnel dials NMachine and says hello. @throws Refusal, and what sockets, TLS and files throw */
export async function openTunnel(config: AgentConfig, deps: AgentDeps, signal: AbortSignal): Promise<Tunnel> {
  const { clock, log, metrics } = deps;
  const token = config.token();
  let hello = await readHello(config);
  const ca = config.caFile ? { ca: await readFile(config.caFile) } : {};
  signal.throwIfAborted();
  const socket = new WebSocket(config.url + agentPath, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: handshakeMs,
    perMessageDeflate: false,
    ...ca,
  });
  // Also while it is being given up.
  socket.on('error', () => undefined);
  await opened(socket, signal, (response) => {
    const seconds = skewSeconds(response, clock.nowMs());
    if (seconds !== undefined) log.warn({ seconds }, clockWarning);
  });
  const retired = new AbortController();
  let mux: Mux | undefined;
  const ended = new Promise<string>((resolve) => {
    mux = muxOverWebSocket(socket, {
      onStream: (stream) => {
        metrics.stream();
        relayStream(stream, config.apiServer, (error) =>
          log.warn({ reason: error.message, ...config.apiServer }, "this cluster's API server cannot be reached"),
        );
      },
      onBytes: metrics.bytes,
      // The answer to `leaving`.
      onHello: () => retired.abort(),
      onClose: resolve,
    });
  });
  const say = (more: Partial<AgentHello> = {}): void => mux?.hello(Buffer.from(JSON.stringify({ ...hello, ...more })));
  say();
  return {
    token,
    ended,
    get streams() {
      return mux?.streams ?? 0;
    },
    tellToken: async () => {
      const next = await readHello(config);
      if (next.token === hello.token) return;
      hello = next;
      say();
    },
    leave: async (graceMs) => {
      const untilMs = clock.monotonicMs() + graceMs;
      say({ leaving: true });
      const over = ended.then(() => retired.abort());
      await clock.sleep(Math.min(graceMs, answerMs), retired.signal).catch(() => undefined);
      while ((mux?.streams ?? 0) > 0 && socket.readyState === socket.OPEN && clock.monotonicMs() < untilMs)
        await clock.sleep(lookMs);
      mux?.close('the agent left');
      await over;
    },
  };
}

/** opened resolves when the handshake is done. @throws Refusal, and what sockets and TLS throw */
function opened(socket: WebSocket, signal: AbortSignal, onAnswer: (response: IncomingMessage) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = (): void => {
      socket.terminate();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', give, { once: true });
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', give);
      end();
    };
    socket
      .once('upgrade', onAnswer)
      .once('unexpected-response', (request, response) => {
        onAnswer(response);
        request.destroy();
        settle(() => reject(new Refusal(response)));
      })
      .once('open', () => settle(resolve))
      .once('error', (error) => settle(() => reject(error)));
  });
}

/** @throws what the file system throws */
async function readHello({ replica, server, kubeCaFile, kubeTokenFile }: AgentConfig): Promise<AgentHello> {
  const [ca, token] = await Promise.all([readFile(kubeCaFile, 'utf8'), readFile(kubeTokenFile, 'utf8')]);
  return { replica, version, server, ca, token: token.trim() };
}
