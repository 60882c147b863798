import { Fault } from '@nm/kernel/fault';
import type { KubeJson } from '../kinds/kube-json.js';
import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
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

/**
 * waitForObject watches one object until the judge agrees, and gives it as it was then (undefined: it was gone). Nothing is polled.
 * @throws Fault kube_wait_timeout with the last state; kube_api 404 when it goes away while something else is waited for
 */
export async function waitForObject<R>(wanted: WaitFor<R>): Promise<R | undefined> {
  const { session, target, judge, uid } = wanted;
  const stop = new AbortController();
  const timeout = AbortSignal.timeout(wanted.timeoutMs ?? waitTimeoutMs);
  const signal = AbortSignal.any([stop.signal, timeout, ...(wanted.signal ? [wanted.signal] : [])]);
  let last: KubeJson | undefined;
  try {
    const watch = session.watchResource(target.resource, {
      namespace: target.namespace,
      fieldSelector: `metadata.name=${target.name}`,
      signal,
    });
    for await (const event of watch) {
      const object = event.type === 'list' ? event.objects[0] : event.type === 'deleted' ? undefined : event.object;
      const isIt = object !== undefined && (uid === undefined || object.metadata?.uid === uid);
      last = isIt ? (object as unknown as KubeJson) : undefined;
      const resource = last && wanted.wrap(last);
      if (judge(resource)) return resource;
      if (resource === undefined && (uid !== undefined || event.type === 'deleted')) throw goneFault(target);
    }
  } catch (error) {
    if (!timeout.aborted) throw error;
  } finally {
    stop.abort();
  }
  wanted.signal?.throwIfAborted();
  throw timeoutFault(wanted.words, last);
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
