import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Directory } from './directory.js';
import type { InstanceEntry } from './entries.js';

/** Which KAMA a request needs. */
export interface WakeTarget {
  readonly orgId: string;
  readonly appId: string;
  readonly versionId: string;
  readonly installId?: string;
  /** Names the one instance that serves it. */
  readonly slot: string;
  /** How long it may take to start, in seconds. */
  readonly startSeconds: number;
  /** Asked once before a sleeping instance is started. @throws Fault when it may not be */
  readonly bookStart?: () => void;
  /** Where it was last found ready, and the directory's version then. */
  found?: { readonly ready: Ready; readonly directoryVersion: number };
}

export interface ActivatorOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Makes the instance wanted; called once however many wait. */
  readonly wake: (target: WakeTarget) => Promise<unknown>;
  readonly onWake?: (result: 'ready' | 'failed' | 'timeout') => void;
}

export interface Ready {
  readonly origin: string;
  readonly instanceId: string;
  /** Set when the request had to wait for a start. */
  readonly waitedMs: number | undefined;
}

/** Requests that may wait for one instance; beyond, a queue only hides that there is no capacity. */
const waitersMax = 100;
/** On top of the version's own start time: scheduling, image, health check. */
const marginMs = 5_000;
/** The change message usually comes first. */
const pollMs = 500;
const retryAfterSeconds = 2;
/** How long the operator has to notice that a ready instance is none. */
const redialMsMax = 2_000;
const redialPollMs = 100;

interface Room {
  waiters: number;
  /** Replaced before each look, so that a change during the look is not missed. */
  changed: PromiseWithResolvers<void>;
  readonly outcome: Promise<InstanceEntry>;
}

/**
 * Activator finds the instance of a slot, and when none is ready wakes it and lets a bounded number of requests wait. Only admitted requests come here.
 */
export class Activator {
  readonly #options: ActivatorOptions;
  readonly #rooms = new Map<string, Room>();

  constructor(options: ActivatorOptions) {
    this.#options = options;
    options.directory.onChange((change) => {
      if (change.kind === 'instance') for (const room of this.#rooms.values()) room.changed.resolve();
    });
  }

  /** Requests that wait now. */
  get waiting(): number {
    let sum = 0;
    for (const room of this.#rooms.values()) sum += room.waiters;
    return sum;
  }

  /**
   * ready gives the instance's address, at once or after its start.
   * @param leaves is asked for only when the request has to wait: it aborts when the client goes, which frees the place in the queue
   * @throws Fault wake_queue_full, wake_failed, wake_timeout, each with Retry-After
   */
  ready(target: WakeTarget, leaves: () => AbortSignal): Ready | Promise<Ready> {
    const { directory } = this.#options;
    if (target.found?.directoryVersion === directory.version) return target.found.ready;
    const instance = directory.instance(target.slot);
    // What a load gives may be older than a change that came meanwhile, so only what is in memory is noted.
    if (instance instanceof Promise) return instance.then((loaded) => this.#readyOr(loaded, target, leaves));
    const ready = this.#readyOr(instance, target, leaves);
    if (!(ready instanceof Promise)) target.found = { ready, directoryVersion: directory.version };
    return ready;
  }

  #readyOr(instance: InstanceEntry | undefined, target: WakeTarget, leaves: () => AbortSignal): Ready | Promise<Ready> {
    const origin = instance?.origin;
    if (instance && origin) return { origin, instanceId: instance.id, waitedMs: undefined };
    return this.#wait(target, instance, leaves());
  }

  /**
   * redial is for a ready instance that refused a connection: its entry is dropped and the operator asked to look at it. It gives what is ready then,
   * which may be the same address again when nobody found anything wrong with it.
   */
  async redial(target: WakeTarget, refusedOrigin: string, leaves: () => AbortSignal): Promise<Ready> {
    const { clock, directory, wake } = this.#options;
    const startedMs = clock.monotonicMs();
    await wake(target);
    for (;;) {
      directory.dropInstance(target.slot);
      const instance = await directory.instance(target.slot);
      if (instance?.origin !== refusedOrigin || clock.monotonicMs() - startedMs >= redialMsMax) break;
      await clock.sleep(redialPollMs);
    }
    const ready = await this.ready(target, leaves);
    return { ...ready, waitedMs: Math.round(clock.monotonicMs() - startedMs) };
  }

  async #wait(target: WakeTarget, instance: InstanceEntry | undefined, signal: AbortSignal): Promise<Ready> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const room = this.#rooms.get(target.slot) ?? this.#open(target, instance);
    if (room.waiters >= waitersMax) throw new Fault('wake_queue_full', { retryAfterSeconds });
    room.waiters++;
    try {
      const found = await orAbort(room.outcome, signal);
      const waitedMs = Math.round(clock.monotonicMs() - startedMs);
      return { origin: found.origin ?? '', instanceId: found.id, waitedMs };
    } finally {
      room.waiters--;
    }
  }

  #open(target: WakeTarget, instance: InstanceEntry | undefined): Room {
    this.#refuseCrashed(instance);
    target.bookStart?.();
    const room: Room = {
      waiters: 0,
      changed: Promise.withResolvers<void>(),
      outcome: Promise.resolve().then(() => this.#run(target, room)),
    };
    this.#rooms.set(target.slot, room);
    const leave = (): void => void this.#rooms.delete(target.slot);
    room.outcome.then(leave, leave);
    return room;
  }

  /** run wakes the slot and watches it until it is ready, has crashed, or took too long. */
  async #run(target: WakeTarget, room: Room): Promise<InstanceEntry> {
    const { clock, directory, wake, onWake } = this.#options;
    const deadlineMs = clock.monotonicMs() + target.startSeconds * 1000 + marginMs;
    await wake(target);
    for (;;) {
      room.changed = Promise.withResolvers<void>();
      directory.dropInstance(target.slot);
      const instance = await directory.instance(target.slot);
      if (instance?.origin) {
        onWake?.('ready');
        return instance;
      }
      this.#refuseCrashed(instance);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) {
        onWake?.('timeout');
        throw new Fault('wake_timeout', { retryAfterSeconds });
      }
      await this.#pause(room, Math.min(pollMs, leftMs));
    }
  }

  async #pause(room: Room, forMs: number): Promise<void> {
    const poked = new AbortController();
    const sleep = this.#options.clock.sleep(forMs, poked.signal).catch(() => undefined);
    await Promise.race([room.changed.promise, sleep]);
    poked.abort();
  }

  /** A crashed instance rests; until then waiting is pointless. */
  #refuseCrashed(instance: InstanceEntry | undefined): void {
    const restMs = (instance?.notBeforeMs ?? 0) - this.#options.clock.nowMs();
    if (instance?.observed !== 'crashed' || restMs <= 0) return;
    this.#options.onWake?.('failed');
    throw new Fault('wake_failed', { retryAfterSeconds: Math.ceil(restMs / 1000) });
  }
}

/** orAbort stops waiting for a shared promise when the signal says so; the promise itself goes on for the others. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(settled);
  });
}
