import pg from 'pg';
import { answeringSocket, silenceMsMax } from './answering-socket.js';

export interface Listener {
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly url: string;
  readonly channels: readonly string[];
  readonly onMessage: (channel: string, payload: string) => void;
  /** Called after each (re)connection: messages may have been missed before it. */
  readonly onConnected?: () => void;
  readonly onError?: (error: Error) => void;
  /** A connection on which nothing has moved for so long is given up. */
  readonly silenceMs?: number;
}

const reconnectDelayMs = 500;

/**
 * listen keeps one connection that LISTENs, and reconnects for ever. NOTIFY is lossy across a reconnection:
 * whoever uses it also needs a way to catch up, which `onConnected` triggers.
 */
export function listen(options: ListenOptions): Listener {
  let closed = false;
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  const silenceMs = options.silenceMs ?? silenceMsMax;
  /** Set while it listens and has no question open. */
  let quiet: pg.Client | undefined;
  // Who only listens hears nothing for long: a question now and then tells that from a server that hangs.
  const ask = async (): Promise<void> => {
    const asked = quiet;
    quiet = undefined;
    await asked?.query('SELECT 1');
    if (asked !== undefined && client === asked) quiet = asked;
  };
  const heartbeat = setInterval(() => void ask().catch(() => undefined), silenceMs / 3).unref();

  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: options.url,
      application_name: 'nmachine-listen',
      keepAlive: true,
      stream: () => answeringSocket(silenceMs),
    });
    client = next;
    const again = () => {
      if (closed || client !== next) return;
      client = undefined;
      retry = setTimeout(() => void connect(), reconnectDelayMs);
    };
    next.on('error', (error) => {
      options.onError?.(error);
      again();
    });
    next.on('end', again);
    next.on('notification', (message) => options.onMessage(message.channel, message.payload ?? ''));
    try {
      await next.connect();
      for (const channel of options.channels) await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
      quiet = next;
      if (!closed) options.onConnected?.();
    } catch (error) {
      options.onError?.(error as Error);
      await next.end().catch(() => undefined);
      again();
    }
  };

  void connect();
  return {
    close: async () => {
      closed = true;
      clearTimeout(retry);
      clearInterval(heartbeat);
      await client?.end().catch(() => undefined);
    },
  };
}
