import { readFile } from 'node:fs/promises';
import type { Logger } from '@nm/adapters/telemetry';
import { type Mux, muxOverWebSocket } from '@nm/adapters/tunnel';
import { type AgentHello, agentPath } from '@nm/kernel/contracts';
import { randomFraction } from '@nm/kernel/ids';
import { backoffMs, type Clock } from '@nm/kernel/time';
import { WebSocket } from 'ws';
import type { AgentConfig } from './config.js';
import { relayStream } from './relay-stream.js';

const firstWaitMs = 500;
const waitMsMax = 30_000;
/** A tunnel that stood so long was a good one: the next try comes soon again. */
const steadyMs = 30_000;
/** How often we look whether the kubelet has renewed our token. */
const tokenLookMs = 30_000;
const handshakeMs = 10_000;
/** Matches the image's version. */
const version = '0.1.0';

export interface AgentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told when the tunnel stands, and when it no longer does. */
  readonly onTunnel: (open: boolean) => void;
}

export interface RunningAgent {
  close(): Promise<void>;
}

/** runAgent keeps one tunnel to NMachine open, for as long as it is not closed. */
export function runAgent(config: AgentConfig, deps: AgentDeps): RunningAgent {
  const stop = new AbortController();
  const loop = (async () => {
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      const beganMs = deps.clock.monotonicMs();
      const reason = await holdTunnel(config, deps, stop.signal).catch((error: unknown) => String(error));
      if (stop.signal.aborted) return;
      if (deps.clock.monotonicMs() - beganMs > steadyMs) attempt = 1;
      const waitMs = backoffMs(attempt, firstWaitMs, waitMsMax, randomFraction());
      deps.log.warn({ reason, waitMs }, 'no tunnel; trying again');
      await deps.clock.sleep(waitMs, stop.signal).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      stop.abort(new Error('stopping'));
      await loop;
    },
  };
}

/** holdTunnel resolves with the reason when the tunnel has ended. @throws when it could not be opened */
async function holdTunnel(
  config: AgentConfig,
  { clock, log, onTunnel }: AgentDeps,
  stop: AbortSignal,
): Promise<string> {
  let hello = await readHello(config);
  const socket = new WebSocket(config.url + agentPath, {
    headers: { authorization: `Bearer ${config.token()}` },
    handshakeTimeout: handshakeMs,
    perMessageDeflate: false,
    ...(config.caFile ? { ca: await readFile(config.caFile) } : {}),
  });
  // Also while it is being given up.
  socket.on('error', () => undefined);
  const over = new AbortController();
  const onStop = (): void => socket.close(1001, 'stopping');
  stop.addEventListener('abort', onStop);
  try {
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const ended = new Promise<string>((resolve) => {
      const mux: Mux = muxOverWebSocket(socket, {
        onStream: (stream) => relayStream(stream, config.apiServer),
        onClose: resolve,
      });
      mux.hello(Buffer.from(JSON.stringify(hello)));
      void followToken(config, clock, over.signal, (next) => {
        if (next.token === hello.token) return;
        hello = next;
        mux.hello(Buffer.from(JSON.stringify(next)));
      });
    });
    log.info({ url: config.url, replica: config.replica }, 'the tunnel stands');
    onTunnel(true);
    return await ended;
  } finally {
    stop.removeEventListener('abort', onStop);
    over.abort();
    socket.terminate();
    onTunnel(false);
  }
}

async function readHello({ replica, server, kubeCaFile, kubeTokenFile }: AgentConfig): Promise<AgentHello> {
  const [ca, token] = await Promise.all([readFile(kubeCaFile, 'utf8'), readFile(kubeTokenFile, 'utf8')]);
  return { replica, version, server, ca, token: token.trim() };
}

async function followToken(
  config: AgentConfig,
  clock: Clock,
  signal: AbortSignal,
  onRead: (hello: AgentHello) => void,
) {
  while (!signal.aborted) {
    await clock.sleep(tokenLookMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    // A file that is being replaced is read the next time.
    await readHello(config).then(onRead, () => undefined);
  }
}
