import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { KubeSession } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { segment } from '../transport/kube-paths.js';
import type { KubeObject } from '../transport/kube-types.js';
import { evictPod } from './evict-pod.js';

export interface DrainOptions {
  /** Also pods that nobody will make again. */
  readonly force?: boolean;
  /** Also pods that lose what they keep in an emptyDir. */
  readonly deleteEmptyDir?: boolean;
  readonly graceSeconds?: number;
  /** For all of it. Default 5 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface DrainReport {
  readonly evicted: readonly string[];
  /** Pods of daemon sets, static pods, and such as are over already. */
  readonly left: readonly string[];
}

interface PodToDrain {
  readonly ns: string;
  readonly name: string;
  readonly uid: string;
  readonly phase: string;
  readonly isBeingDeleted: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner: { readonly kind: string } | undefined;
  readonly raw: { readonly spec?: { readonly volumes?: readonly { readonly emptyDir?: object }[] } };
}

const pauseMs = 500;
const timeoutMsDefault = 300_000;

/** drainPods evicts the pods of a node and waits until they are gone; nothing is evicted when one of them must not be. @throws Fault kube_api */
export async function drainPods(
  kat: { readonly session: KubeSession; readonly clock: Clock },
  pods: readonly PodToDrain[],
  options: DrainOptions,
): Promise<DrainReport> {
  const stays = (pod: PodToDrain) =>
    pod.owner?.kind === 'DaemonSet' || pod.annotations['kubernetes.io/config.mirror'] !== undefined;
  const leaving = pods.filter((pod) => !stays(pod));
  const refused = leaving.flatMap((pod) => refusalOf(pod, options) ?? []);
  if (refused.length > 0)
    throw new Fault('kube_api', {
      public: `The node is not drained: ${refused.join('; ')}.`,
      extra: { reason: 'DrainRefused' },
    });
  const timeout = AbortSignal.timeout(options.timeoutMs ?? timeoutMsDefault);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  await Promise.all(leaving.map((pod) => evictAndWait(kat, pod, options, signal)));
  const names = (some: readonly PodToDrain[]) => some.map((pod) => `${pod.ns}/${pod.name}`);
  return { evicted: names(leaving), left: names(pods.filter(stays)) };
}

function refusalOf(pod: PodToDrain, options: DrainOptions): string | undefined {
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') return undefined;
  if (!pod.owner && !options.force)
    return `pod ${pod.ns}/${pod.name} has no controller that would make it again (force)`;
  const local = pod.raw.spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined);
  return local && !options.deleteEmptyDir
    ? `pod ${pod.ns}/${pod.name} keeps data in an emptyDir (deleteEmptyDir)`
    : undefined;
}

async function evictAndWait(
  { session, clock }: { readonly session: KubeSession; readonly clock: Clock },
  pod: PodToDrain,
  { graceSeconds }: DrainOptions,
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, ...(graceSeconds === undefined ? {} : { graceSeconds }) };
  for (;;) {
    try {
      await evictPod(session, pod, options);
      break;
    } catch (error) {
      // A budget that allows no disruption now may allow one once another pod is up.
      if (!isKubeStatus(error, 429)) throw error;
      await clock.sleep(pauseMs, signal);
    }
  }
  const path = `/api/v1/namespaces/${segment(pod.ns)}/pods/${segment(pod.name)}`;
  for (;;) {
    const found = await session.request<KubeObject>('GET', path, { signal }).catch((error: unknown) => {
      if (isKubeStatus(error, 404)) return undefined;
      throw error;
    });
    if (!found || found.metadata?.uid !== pod.uid) return;
    await clock.sleep(pauseMs, signal);
  }
}
