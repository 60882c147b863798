import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { KubeJson } from '../kinds/kube-json.js';
import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import type { Judge } from './wait-condition.js';

export interface WaitOptions {
  /** Half a minute when left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What is waited for. */
export interface WaitFor<R> extends WaitOptions {
  readonly session: KubeSession;
  readonly target: ObjectTarget;
  /** Of an object with another uid, nothing counts: the one that is meant is gone. */
  readonly uid?: string;
  readonly wrap: (raw: KubeJson) => R;
  readonly judge: Judge<R>;
  /** For the error. */
  readonly words: string;
}

export const waitTimeoutMs = 30_000;

/** Who may read an object but not watch it asks again so often. Milliseconds. */
const pollMs = 1_000;

/**
 * waitForObject watches one object until the judge agrees, and gives it as it was then (undefined: it was gone). Who is forbidden to list or watch, and
 * may get the object, asks again every second instead.
 * @throws Fault kube_wait_timeout with the last state; kube_api 404 when it goes away while something else is waited for
 */
export async function waitForObject<R>(wanted: WaitFor<R>): Promise<R | undefined> {
  const stop = new AbortController();
  const timeout = AbortSignal.timeout(wanted.timeoutMs ?? waitTimeoutMs);
  const signal = AbortSignal.any([stop.signal, timeout, ...(wanted.signal ? [wanted.signal] : [])]);
  const seen = new Seen(wanted);
  try {
    for await (const [object, wasDeleted] of statesOf(wanted, signal))
      if (seen.isWanted(object, wasDeleted)) return seen.last && wanted.wrap(seen.last);
  } catch (error) {
    if (!timeout.aborted) throw error;
  } finally {
    stop.abort();
  }
  wanted.signal?.throwIfAborted();
  throw timeoutFault(wanted.words, seen.last);
}

/** What has been seen of the object so far. */
class Seen<R> {
  last: KubeJson | undefined;
  readonly #wanted: WaitFor<R>;

  constructor(wanted: WaitFor<R>) {
    this.#wanted = wanted;
  }

  /** @throws Fault kube_api 404 when it is gone and something else is waited for */
  isWanted(object: KubeJson | undefined, wasDeleted: boolean): boolean {
    const { uid, judge, wrap, target } = this.#wanted;
    this.last = object !== undefined && (uid === undefined || object.metadata?.uid === uid) ? object : undefined;
    const resource = this.last && wrap(this.last);
    if (judge(resource)) return true;
    if (resource === undefined && (uid !== undefined || wasDeleted)) throw goneFault(target);
    return false;
  }
}

/** The object's states, and whether it was just deleted. */
type State = readonly [KubeJson | undefined, boolean];

async function* statesOf<R>(wanted: WaitFor<R>, signal: AbortSignal): AsyncGenerator<State> {
  try {
    yield* watched(wanted, signal);
  } catch (error) {
    if (!isKubeStatus(error, 403)) throw error;
    yield* polled(wanted, signal);
  }
}

async function* watched<R>({ session, target }: WaitFor<R>, signal: AbortSignal): AsyncGenerator<State> {
  const watch = session.watchResource(target.resource, {
    namespace: target.namespace,
    fieldSelector: `metadata.name=${target.name}`,
    signal,
  });
  for await (const event of watch) {
    const object = event.type === 'list' ? event.objects[0] : event.type === 'deleted' ? undefined : event.object;
    yield [object as unknown as KubeJson | undefined, event.type === 'deleted'];
  }
}

async function* polled<R>({ session, target }: WaitFor<R>, signal: AbortSignal): AsyncGenerator<State> {
  let wasThere = false;
  while (!signal.aborted) {
    const object = await session.read<KubeJson>(target, signal);
    yield [object, wasThere && object === undefined];
    wasThere ||= object !== undefined;
    await systemClock.sleep(pollMs, signal).catch(() => undefined);
  }
}

const goneFault = ({ resource, name }: ObjectTarget): Fault =>
  new Fault('kube_api', {
    public: `${resource.kind} ${name} is gone.`,
    extra: { status: 404, reason: 'NotFound' },
  });

/** timeoutFault tells what was waited for in vain, and the state at the end. */
export function timeoutFault(words: string, last: unknown): Fault {
  const status = (last as { status?: unknown } | undefined)?.status;
  return new Fault('kube_wait_timeout', {
    public: `${words} did not come about in time.`,
    extra: { last: last === undefined ? 'not there' : (status ?? 'there, without a status') },
  });
}
