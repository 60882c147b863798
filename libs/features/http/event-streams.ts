import type { FastifyReply } from 'fastify';

/** One event of a `text/event-stream` (HTML Living Standard §9.2). */
export interface StreamEvent {
  readonly id?: string | number;
  readonly event?: string;
  readonly data: unknown;
}

export interface EventStream {
  /** Resolves when the client can take more, so a slow reader slows its source and nothing piles up. False once the stream has ended. */
  send(event: StreamEvent): Promise<boolean>;
  /** Aborts when the client goes, or the server drains. */
  readonly signal: AbortSignal;
  /** Ends the stream with a retry line; a client that wants more reconnects. */
  end(): void;
}

/** A comment as often as this keeps proxies from closing a quiet stream. */
const heartbeatMs = 15_000;
/** What a client waits before it reconnects. */
const retryMs = 1_000;

/** EventStreams opens server-sent event streams and knows the open ones, so that a drain can end them all. */
export class EventStreams {
  readonly #open = new Set<() => void>();

  get size(): number {
    return this.#open.size;
  }

  /** open takes over the reply and sends the head of the stream. */
  open(reply: FastifyReply): EventStream {
    const controller = new AbortController();
    const { raw } = reply;
    const headers = reply.getHeaders();
    reply.hijack();
    raw.writeHead(200, {
      ...(headers as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    raw.write(`retry: ${retryMs}\n\n`);
    const heartbeat = setInterval(() => raw.write(':\n\n'), heartbeatMs);
    const finish = () => {
      clearInterval(heartbeat);
      this.#open.delete(end);
      controller.abort();
    };
    const end = () => {
      if (!raw.writableEnded) raw.end(`retry: ${retryMs}\n\n`);
      finish();
    };
    raw.once('close', finish);
    this.#open.add(end);
    const send = async (event: StreamEvent): Promise<boolean> => {
      if (controller.signal.aborted) return false;
      if (!raw.write(textOf(event))) await drained(raw, controller.signal);
      return !controller.signal.aborted;
    };
    return { send, signal: controller.signal, end };
  }

  /** endAll ends every stream with a `retry:` line: clients reconnect, to another process, where `Last-Event-ID` left off. */
  endAll(): void {
    for (const end of [...this.#open]) end();
  }
}

function textOf({ id, event, data }: StreamEvent): string {
  const head = (id === undefined ? '' : `id: ${id}\n`) + (event === undefined ? '' : `event: ${event}\n`);
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}

const drained = (raw: FastifyReply['raw'], signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    raw.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
