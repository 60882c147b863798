import { isFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { isKubeStatus } from '../transport/kube-faults.js';
import type { KubeObject } from '../transport/kube-types.js';
import type { WatchEvent, WatchOptions } from '../watch/watch.js';
import { Funnel } from './funnel.js';
import { LogPlace } from './log-place.js';
import { type LogLine, type LogOptions, streamLogs } from './pod-logs.js';
import type { StreamTransport } from './stream-transport.js';

/** WatchingTransport can follow objects as well. */
export interface WatchingTransport extends StreamTransport {
  watch(what: WatchOptions): AsyncGenerator<WatchEvent>;
}

/** Which pods to follow: those of a selector, also the ones that come later, or one by name. */
export interface FollowedPods {
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly name?: string;
  /** Default: every container, init containers first. */
  readonly container?: string | undefined;
}

export interface FollowOptions extends Omit<LogOptions, 'previous' | 'signal'> {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state?: { readonly waiting?: object; readonly running?: object; readonly terminated?: object };
}

const retryMs = 500;

/**
 * followLogs merges the logs of pods as they come, across restarts of their containers, replaced pods and broken connections; no line is
 * lost or said twice, except what a container says that restarts twice while nobody can reach the cluster. Following one pod by name
 * ends when that pod has ended or is gone; following a selector ends with the signal.
 */
export async function* followLogs(
  transport: WatchingTransport,
  what: FollowedPods,
  options: FollowOptions,
): AsyncGenerator<LogLine> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const funnel = new Funnel<LogLine>();
  const follower = new Follower(transport, what, { ...options, signal }, funnel);
  void follower.run().then(
    () => funnel.end(),
    (error: unknown) => (options.signal.aborted ? funnel.end() : funnel.fail(error)),
  );
  try {
    yield* funnel;
  } finally {
    stop.abort();
  }
}

/** Reads every run of every container once, one run of a container after the other. */
class Follower {
  readonly #containers = new Map<string, { runs: number; place: LogPlace; work: Promise<void> }>();
  readonly #transport: WatchingTransport;
  readonly #what: FollowedPods;
  readonly #options: FollowOptions;
  readonly #funnel: Funnel<LogLine>;

  constructor(transport: WatchingTransport, what: FollowedPods, options: FollowOptions, funnel: Funnel<LogLine>) {
    this.#transport = transport;
    this.#what = what;
    this.#options = options;
    this.#funnel = funnel;
  }

  async run(): Promise<void> {
    const { name, namespace, labelSelector } = this.#what;
    const query = {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    };
    const { signal } = this.#options;
    for await (const event of this.#transport.watch({ apiVersion: 'v1', kind: 'Pod', namespace, ...query, signal })) {
      const pods = event.type === 'list' ? event.objects : [event.object];
      if (event.type !== 'deleted') for (const pod of pods) this.#see(pod);
      const over = event.type === 'deleted' || pods.length === 0 || pods.every(isOver);
      if (name !== undefined && over) break;
    }
    await Promise.all([...this.#containers.values()].map(({ work }) => work));
  }

  #see(pod: KubeObject): void {
    for (const status of statusesOf(pod)) {
      if (this.#what.container !== undefined && status.name !== this.#what.container) continue;
      const started = status.containerID !== undefined && (status.state?.running ?? status.state?.terminated);
      if (!started) continue;
      const key = `${pod.metadata?.uid} ${status.name}`;
      const known = this.#containers.get(key) ?? {
        runs: status.restartCount,
        place: new LogPlace(),
        work: Promise.resolve(),
      };
      const isNew = !this.#containers.has(key);
      this.#containers.set(key, known);
      if (!isNew && status.restartCount < known.runs) continue;
      // Its last run may have ended, and this one begun, before that one's log was opened.
      const missed = !isNew;
      known.runs = status.restartCount + 1;
      const podName = pod.metadata?.name ?? '';
      known.work = known.work.then(() => this.#readRun(podName, status.name, known.place, missed));
      known.work.catch((error: unknown) => this.#funnel.fail(error));
    }
  }

  async #readRun(pod: string, container: string, log: LogPlace, missed: boolean): Promise<void> {
    const place = { namespace: this.#what.namespace, pod, container };
    if (missed) await this.#copy(place, log, { previous: true }).catch(ignoreGone);
    for (;;) {
      try {
        return await this.#copy(place, log, { follow: true });
      } catch (error) {
        if (this.#options.signal.aborted || isKubeStatus(error, 404) || isKubeStatus(error, 400)) return;
        if (isFault(error) && error.code !== 'cluster_unreachable') throw error;
        await this.#options.clock.sleep(retryMs, this.#options.signal).catch(() => undefined);
      }
    }
  }

  async #copy(place: { namespace: string; pod: string; container: string }, log: LogPlace, how: object): Promise<void> {
    const { tail, sinceSeconds, sinceTime, limitBytes, signal } = this.#options;
    const { since } = log;
    const from =
      since === undefined
        ? {
            ...(tail === undefined ? {} : { tail }),
            ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
            ...(sinceTime === undefined ? {} : { sinceTime }),
          }
        : { sinceTime: since };
    log.resume();
    const limit = limitBytes === undefined ? {} : { limitBytes };
    for await (const line of streamLogs(this.#transport, place, { ...from, ...limit, ...how, signal }))
      if (log.take(line) && !(await this.#funnel.put(line))) return;
  }
}

const ignoreGone = (error: unknown): void => {
  if (!isKubeStatus(error, 400) && !isKubeStatus(error, 404)) throw error;
};

function statusesOf(pod: KubeObject): readonly ContainerStatus[] {
  const status = (pod['status'] ?? {}) as Record<string, readonly ContainerStatus[] | undefined>;
  return [...(status['initContainerStatuses'] ?? []), ...(status['containerStatuses'] ?? [])];
}

const isOver = (pod: KubeObject): boolean => {
  const { phase } = (pod['status'] ?? {}) as { phase?: string };
  return phase === 'Succeeded' || phase === 'Failed';
};
