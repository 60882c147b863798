import { Fault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';

/** An answer that was read to its end. */
export interface WholeAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

export interface WholeAnswerLimits {
  /** For everything, from the first connection to the last byte. Milliseconds. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
  /** Stands right before the request leaves, when its connection is there: what it throws is given instead of an answer, and nothing was sent. */
  readonly beforeSend?: (() => void) | undefined;
}

/** tooLarge refuses an answer that is longer than was asked for. */
export const tooLarge = (): Fault => new Fault('kube_api', { public: 'The cluster sent an answer that is too large.' });

/**
 * sendWhole sends a request through undici, which speaks HTTP/2 too, and reads its answer. It takes undici at its dispatcher: the streams and signals of
 * `request()` are more than half of what a small read costs there, and an answer that is wanted whole needs none.
 * @throws Fault kube_api for an answer that is too large, `TimeoutError`, the signal's reason, and what `beforeSend` and sockets throw
 */
export function sendWhole(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { timeoutMs, bytesMax, signal, beforeSend }: WholeAnswerLimits,
): Promise<WholeAnswer> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let head: Omit<WholeAnswer, 'text'> = { status: 0, retryAfter: undefined };
    let given: Error | undefined;
    let running: Dispatcher.DispatchController | undefined;
    const release = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const give = (reason: Error): void => {
      if (given) return;
      given = reason;
      release();
      reject(reason);
      // One that still waits for its connection is given up when it gets there.
      running?.abort(reason);
    };
    const timer = setTimeout(() => give(new DOMException('no answer in time', 'TimeoutError')), timeoutMs).unref();
    const onAbort = (): void => give(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    dispatcher.dispatch(request, {
      onRequestStart(controller) {
        running = controller;
        try {
          beforeSend?.();
        } catch (error) {
          give(error as Error);
        }
        if (given) controller.abort(given);
      },
      onResponseStart(_, status, headers) {
        const retryAfter = headers['retry-after'];
        head = { status, retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter };
      },
      onResponseData(_, chunk) {
        bytes += chunk.length;
        if (bytes > bytesMax) give(tooLarge());
        else chunks.push(chunk);
      },
      onResponseEnd() {
        release();
        const [only] = chunks;
        const text = (chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString('utf8');
        // undici frees the connection in the turn after this one; a request sent before that would open another. Its own turn is asked for first.
        queueMicrotask(() => setImmediate(resolve, { ...head, text }));
      },
      onResponseError(_, error) {
        release();
        reject(given ?? error);
      },
    });
  });
}
