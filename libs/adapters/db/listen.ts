import pg from 'pg';

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

  const connect = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: options.url, application_name: 'nmachine-listen', keepAlive: true });
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
      await client?.end().catch(() => undefined);
    },
  };
}
