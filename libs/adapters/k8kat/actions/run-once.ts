import { hasCode } from '@nm/kernel/fault';
import type { KatContext } from '../kinds/kat-context.js';
import { segment } from '../transport/kube-paths.js';
import { OneShot, type OneShotOptions, type Pod, timeMsOf } from './one-shot.js';

export interface RunOnceOptions extends OneShotOptions {
  /** It is stopped when it says more. Default 8 MiB. */
  readonly outputBytesMax?: number;
}

export interface OneShotResult {
  /** Of the command; -1 when it did not come to its end. */
  readonly code: number;
  /** What it wrote, to both streams, as it came; its beginning when it was stopped for too much. */
  readonly output: string;
  /** `Completed`, `Error`, `OOMKilled`, `DeadlineExceeded`, `Evicted`, `OutputLimit`, `Deleted`, or what keeps it from starting: `ImagePullBackOff`, `StartError`. */
  readonly reason: string;
  /** More about the reason, in the cluster's words; often empty. */
  readonly message: string;
}

const outputBytesMaxDefault = 8 * 1024 * 1024;
/** The kubelet tells of an end after the log has ended. */
const endMsMax = 60_000;
/** What a container waits for that does not come by itself. `ErrImagePull` is tried again once. */
const stuckReasons = new Set([
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'CreateContainerError',
  'CreateContainerConfigError',
]);

const isOver = ({ phase }: Pod): boolean => phase === 'Succeeded' || phase === 'Failed';
const waitingOf = (pod: Pod) => pod.raw.status?.containerStatuses?.[0]?.state?.waiting;
const isStuck = (pod: Pod): boolean => stuckReasons.has(waitingOf(pod)?.reason ?? '');

/**
 * runOnce runs a command in a pod of its own and gives how it ended and what it said; the pod is gone afterwards, whatever happened. Output is read as it
 * comes, so that too much of it ends the pod at once. @throws Fault kube_api, kube_wait_timeout, cluster_unreachable; the signal's reason
 */
export async function runOnce(kat: KatContext, options: RunOnceOptions): Promise<OneShotResult> {
  const { signal, outputBytesMax = outputBytesMaxDefault } = options;
  await using shot = await OneShot.start(kat, options);
  const begun = (pod: Pod) => pod.phase === 'Running' || isOver(pod) || isStuck(pod);
  const [pod] = await shot.pods((all) => all.some(begun), timeMsOf(options), signal);
  if (!pod || isStuck(pod)) {
    const { reason = 'Deleted', message = '' } = (pod && waitingOf(pod)) ?? {};
    return { code: -1, output: '', reason, message };
  }
  const output = await outputOf(kat, pod, outputBytesMax, signal);
  if (output.length > outputBytesMax)
    return { code: -1, output: textOf(output.subarray(0, outputBytesMax)), reason: 'OutputLimit', message: '' };
  const [ended] = await shot.pods((all) => all.length === 0 || all.some(isOver), endMsMax, signal);
  return { ...endOf(ended), output: textOf(output) };
}

function endOf(pod: Pod | undefined): Omit<OneShotResult, 'output'> {
  const { reason: ofPod, message: aboutPod = '', containerStatuses } = pod?.raw.status ?? {};
  const end = containerStatuses?.[0]?.state?.terminated;
  if (!pod || ofPod !== undefined || !end)
    return { code: -1, reason: ofPod ?? (pod ? 'Unknown' : 'Deleted'), message: aboutPod };
  return { code: end.exitCode, reason: end.reason ?? '', message: end.message ?? '' };
}

/** One byte more than the most says that there is more. */
async function outputOf(kat: KatContext, pod: Pod, bytesMax: number, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const path = `/api/v1/namespaces/${segment(pod.ns)}/pods/${segment(pod.name)}/log`;
    const query = { follow: true, limitBytes: bytesMax + 1 };
    for await (const chunk of (await kat.session.stream(path, { query, signal })) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bytesMax) break;
    }
  } catch (error) {
    // A container that could not be started has no log; its end says why.
    if (!(isOver(pod) && pod.exitCode !== 0 && hasCode(error, 'kube_api'))) throw error;
  }
  return Buffer.concat(chunks);
}

const textOf = (output: Buffer): string => output.toString('utf8').replace(/\n$/, '');
