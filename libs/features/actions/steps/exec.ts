import { exec, type KubeObject, readinessOf } from '@nm/adapters/k8kat';
import type { PodChoice } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { refIssues } from '../plan/plan-issue.js';
import { atMostOnce, isRefusal } from './at-most-once.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

const outputBytesMax = 64 * 1024;
const outputCharsMax = 2_000;
const logLinesMax = 20;

const podRef = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', name });

/** Runs a command in a container. */
export const execKind: StepKindSpec<'exec'> = {
  preview: { cannot: 'What a command does is known only when it has run.' },
  outputs: ['pod', 'exitCode', 'stdout', 'stderr'],
  check: ({ pod }, path) => (pod.name === undefined ? [] : refIssues(podRef(pod.name), `${path}.pod`)),
  needs: async ({ pod }, needs) => {
    if (pod.name === undefined) needs.question({ verb: 'list', group: '', resource: 'pods' });
    else await needs.object(podRef(pod.name), ['get']);
    const name = pod.name === undefined ? {} : { name: pod.name };
    // By a WebSocket, which is a GET; from 1.35 on the API server asks for "create" as well.
    for (const verb of ['get', 'create']) needs.question({ verb, group: '', resource: 'pods/exec', ...name });
  },
  execute: async (step, context) => {
    const pod = await patiently(context, () => choosePod(step.pod, context));
    const ref = podRef(pod);
    try {
      const options = { repeatable: step.repeatable, settles };
      const result = await atMostOnce(context, (leave) => run(step, pod, leave, context), options);
      for (const line of linesOf(result.stdout, result.stderr)) await context.log(line);
      await context.log(`${objectName(ref)}: the command ended with ${result.code}`);
      const output = { pod, exitCode: result.code, stdout: result.stdout, stderr: result.stderr };
      if (step.expectExit.includes(result.code)) return output;
      await context.note({});
      throw new Fault('step_failed', {
        public: `The command ended with ${result.code}: ${lastLine(result.stderr || result.stdout)}`,
        extra: { reason: 'ExitCode' },
      });
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};

async function choosePod(choice: PodChoice, { session, namespace, signal }: StepContext): Promise<string> {
  if (choice.name !== undefined) {
    const pod = await session.get(podRef(choice.name), namespace, signal);
    if (!pod) throw new Fault('step_failed', { public: `Pod ${choice.name} does not exist.` });
    return choice.name;
  }
  const labelSelector = Object.entries(choice.labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const current = await session.current();
  const { items } = await current.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector, signal });
  const [pod] = items
    .filter(isUsable)
    .map(({ metadata }) => metadata?.name ?? '')
    .sort();
  if (pod === undefined)
    throw new Fault('step_failed', {
      public: `No pod with the labels ${labelSelector} is ready (${items.length} have them).`,
    });
  return pod;
}

const isUsable = (pod: KubeObject): boolean =>
  pod.metadata?.deletionTimestamp === undefined && readinessOf(pod).state === 'ready';

async function run(step: StepOf<'exec'>, pod: string, leave: () => void, context: StepContext) {
  const { session, namespace, signal } = context;
  const current = await session.current();
  const limit = AbortSignal.timeout(step.timeoutSeconds * 1000);
  const place = { namespace, pod, container: step.container };
  const options = {
    ...{ stdin: step.stdin, outputBytesMax, cutOutput: true, beforeSend: leave },
    signal: AbortSignal.any([signal, limit]),
  };
  const { code, stdout, stderr } = await exec(current, place, step.command, options).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    if (step.repeatable)
      throw new Fault('step_failed', { public: `The command did not end within ${step.timeoutSeconds} s.` });
    throw new Fault('step_unknown', {
      public: `The command did not end within ${step.timeoutSeconds} s; it may be running still.`,
    });
  });
  return { code, stdout: stdout.slice(0, outputCharsMax), stderr: stderr.slice(0, outputCharsMax) };
}

/** The runtime's own words for a program that was never started. */
const notStarted = /executable file not found|no such file or directory|container not found|OCI runtime exec failed/i;

/** A program that could not be started is a failure of the server's (500), and did nothing. */
const settles = (error: unknown): boolean =>
  isRefusal(error) || (isFault(error) && error.code === 'kube_api' && notStarted.test(error.publicMessage));

const linesOf = (...texts: string[]): string[] =>
  texts.flatMap((text) => text.split('\n').filter((line) => line !== '')).slice(-logLinesMax);

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) || 'it said nothing';
