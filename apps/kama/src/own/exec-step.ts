import { exec, type KubeSession, readinessOf } from '@nm/adapters/k8kat';
import type { PlanStep } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Workplace } from './workplace.js';

type ExecStep = Extract<PlanStep, { kind: 'exec' }>;

const outputBytesMax = 64 * 1024;
const logLinesMax = 20;

/** runInPod runs the command of a step in a container, once. @throws Fault step_failed, and the cluster's */
export async function runInPod(step: ExecStep, place: Workplace): Promise<void> {
  const { cluster, namespace, signal, log } = place;
  const session = cluster.kubernetes;
  if (!session) throw new Fault('step_failed', { public: 'A prototype has no pods to run a command in.' });
  const pod = step.pod.name ?? (await readyPod(session, step.pod.labels ?? {}, place));
  const limit = AbortSignal.timeout(step.timeoutSeconds * 1_000);
  const options = { stdin: step.stdin, outputBytesMax, cutOutput: true, signal: AbortSignal.any([signal, limit]) };
  const result = await exec(session, { namespace, pod, container: step.container }, step.command, options).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      if (!limit.aborted) throw error;
      const late = `The command did not end within ${step.timeoutSeconds} s; it may be running still.`;
      throw new Fault('step_failed', { public: late });
    },
  );
  const said = [result.stdout, result.stderr].flatMap((text) => text.split('\n')).filter((line) => line !== '');
  for (const line of said.slice(-logLinesMax)) log(line);
  log(`Pod/${pod}: the command ended with ${result.code}`);
  if (!step.expectExit.includes(result.code)) {
    const last = said.at(-1) ?? 'it said nothing';
    throw new Fault('step_failed', { public: `The command ended with ${result.code}: ${last}` });
  }
}

/** The first pod by name that has the labels and is ready. */
async function readyPod(
  session: KubeSession,
  labels: Readonly<Record<string, string>>,
  { namespace, signal }: Workplace,
): Promise<string> {
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const { items } = await session.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, signal });
  const [pod] = items
    .filter((each) => each.metadata?.deletionTimestamp === undefined && readinessOf(each).state === 'ready')
    .map(({ metadata }) => metadata?.name ?? '')
    .sort();
  if (pod === undefined)
    throw new Fault('step_failed', { public: `No pod with the labels ${labelSelector} is ready.` });
  return pod;
}
