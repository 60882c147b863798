import type { MessageHead, UpstreamConnection, UpstreamUser, Wire } from '@nm/adapters/proxy';
import { tooLarge, type WholeAnswer, type WholeAnswerLimits } from './whole-answer.js';

type OnKept = (connection: UpstreamConnection, keptMs: number) => void;

const nothing = (): void => undefined;

/** WholeExchange is one request on a connection, and its answer from the first byte to the last. */
export class WholeExchange implements UpstreamUser {
  readonly isHead = false;
  readonly requestSent = true;
  readonly upstreamReady = nothing;
  readonly upstreamInterim = nothing;
  readonly upstreamFlush = nothing;
  readonly upstreamComplete = nothing;
  readonly upstreamDrained = nothing;
  readonly #limits: WholeAnswerLimits;
  readonly #resolve: (answer: WholeAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #retryAfter: string | undefined;
  #connection: UpstreamConnection | undefined;
  #onKept: OnKept = nothing;
  #isOver = false;

  constructor(limits: WholeAnswerLimits, resolve: (answer: WholeAnswer) => void, reject: (error: Error) => void) {
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
    const late = (): void => this.#give(new DOMException('no answer in time', 'TimeoutError'));
    this.#timer = setTimeout(late, limits.timeoutMs).unref();
    limits.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** It has been answered, or nobody waits for the answer any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * begin sends the request, unless `beforeSend` throws.
   * @returns whether the connection is in use now
   * @param onKept told how long the server will keep the connection when nothing is on it, where it says so
   */
  begin(connection: UpstreamConnection, request: Buffer, onKept: OnKept): boolean {
    try {
      this.#limits.beforeSend?.();
    } catch (error) {
      if (this.#settle()) this.#reject(error as Error);
      return false;
    }
    this.#connection = connection;
    this.#onKept = onKept;
    connection.use(this);
    connection.socket.write(request);
    return true;
  }

  upstreamAnswer(head: MessageHead): void {
    const keepAlive = head.field('keep-alive');
    const seconds = keepAlive === undefined ? undefined : /(?:^|[,\s])timeout=(\d{1,6})/i.exec(keepAlive)?.[1];
    if (seconds !== undefined && this.#connection) this.#onKept(this.#connection, Number(seconds) * 1_000);
    this.#status = head.status;
    this.#retryAfter = head.field('retry-after');
  }

  /** Kept without a copy: what comes in a socket's events is in memory of its own. */
  upstreamData(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > this.#limits.bytesMax) this.#give(tooLarge());
    else this.#chunks.push(bytes.subarray(start, end));
  }

  upstreamEnded(): void {
    if (!this.#settle()) return;
    const [only] = this.#chunks;
    const text = (this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks)).toString('utf8');
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, text });
  }

  upstreamFailed(error: Error): void {
    if (this.#settle()) this.#reject(error);
  }

  upstreamSwitched(_head: MessageHead, { socket }: Wire): void {
    socket.destroy();
    this.upstreamFailed(new Error('the answer switches to a protocol that nobody asked for'));
  }

  readonly #onAbort = (): void => this.#give(this.#limits.signal?.reason as Error);

  #give(reason: Error): void {
    if (!this.#settle()) return;
    this.#connection?.abandon();
    this.#reject(reason);
  }

  /** settle is true for the first end only. */
  #settle(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#limits.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
