import type { ContainerStatusJson, PodJson } from '../state/pod-status.js';
import { conditionOf } from '../state/pod-status.js';
import { explainImagePull } from './explain-image.js';
import { explainProbe } from './explain-probe.js';
import { type EventJson, type Evidence, type Explanation, latest } from './explanation.js';
import { missingConfig } from './missing-config.js';

const imageWaits = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);

/** explainContainer says what is wrong with one container; undefined when nothing is. */
export function explainContainer(
  pod: PodJson,
  container: ContainerStatusJson,
  events: readonly EventJson[],
): Explanation | undefined {
  const { waiting, terminated, running } = container.state ?? {};
  const mine = events.filter(({ involvedObject }) => {
    const path = involvedObject?.fieldPath;
    return path === undefined || path.includes(`{${container.name}}`) || !path.includes('{');
  });
  const reason = waiting?.reason ?? '';
  if (imageWaits.has(reason)) return explainImagePull(pod, container, mine);
  if (reason === 'CreateContainerConfigError') return configError(pod, container, waiting?.message ?? '');
  const end = terminated ?? container.lastState?.terminated;
  const ended = terminated !== undefined ? terminated.exitCode !== 0 : reason === 'CrashLoopBackOff';
  const broken =
    ended || /^(RunContainerError|CreateContainerError|StartError|PostStartHookError|PreStartHookError)$/.test(reason);
  if (end?.reason === 'OOMKilled' && (ended || running === undefined)) return oomKilled(pod, container, end);
  if (broken) return explainEnd(pod, container, mine);
  if (running || container.started === false)
    return explainProbe(pod, container, mine, conditionOf(pod, 'Ready')?.status === 'True');
  return undefined;
}

function configError(pod: PodJson, container: ContainerStatusJson, message: string): Explanation {
  const evidence: Evidence = { from: 'container', text: `CreateContainerConfigError: ${message}` };
  const [, kind = '', name = ''] = /(configmap|secret) "([^"]+)" not found/i.exec(message) ?? [];
  if (kind)
    return {
      ...missingConfig(/configmap/i.test(kind) ? 'ConfigMap' : 'Secret', name, pod, evidence),
      container: container.name,
    };
  const [, key, where] = /couldn't find key (\S+) in (?:ConfigMap|Secret) (\S+)/i.exec(message) ?? [];
  return {
    code: 'ConfigMissing',
    severity: 'error',
    container: container.name,
    summary: key ? `Key "${key}" is not in ${where}.` : `The container’s configuration is wrong: ${message}`,
    evidence: [evidence],
    causes: [key ? 'The object is there, but has no such key.' : 'The kubelet cannot make the container of its spec.'],
    remedies: [
      { text: key ? `Add the key "${key}", or change the name that the pod uses.` : 'Correct the container’s spec.' },
    ],
    confidence: 'certain',
  };
}

type Termination = NonNullable<NonNullable<ContainerStatusJson['state']>['terminated']>;

function oomKilled(pod: PodJson, container: ContainerStatusJson, end: Termination): Explanation {
  const spec = specOf(pod, container.name);
  const limit = (spec?.resources?.limits as Record<string, string> | undefined)?.['memory'];
  return {
    code: 'OOMKilled',
    severity: 'error',
    container: container.name,
    summary: limit ? `It used more memory than its limit of ${limit}.` : 'The node ran out of memory and ended it.',
    evidence: [
      {
        from: 'container',
        text: `last run ended with ${end.exitCode} (OOMKilled)${end.finishedAt ? ` at ${end.finishedAt}` : ''}`,
      },
      { from: 'container', text: `${container.restartCount} restarts` },
      { from: 'spec', text: `memory limit: ${limit ?? 'none'}` },
    ],
    causes: ['The limit is lower than what the program needs, or the program keeps taking more (a leak).'],
    remedies: [
      { text: 'Raise the memory limit, or make the program use less (heap size settings).' },
      {
        text: 'Watch what it uses.',
        command: `kubectl top pod ${pod.metadata?.name} -n ${pod.metadata?.namespace} --containers`,
      },
    ],
    confidence: 'certain',
  };
}

/** A run that ended with an error, or could not begin. */
function explainEnd(pod: PodJson, container: ContainerStatusJson, events: readonly EventJson[]): Explanation {
  const { waiting, terminated } = container.state ?? {};
  const end = terminated ?? container.lastState?.terminated;
  const message = `${waiting?.message ?? ''} ${end?.message ?? ''}`.trim();
  const spec = specOf(pod, container.name);
  const command = [...(spec?.command ?? []), ...(spec?.args ?? [])].join(' ');
  const evidence: Evidence[] = [
    ...(waiting
      ? [{ from: 'container' as const, text: `${waiting.reason ?? 'waiting'}: ${waiting.message ?? ''}` }]
      : []),
    ...(end
      ? [{ from: 'container' as const, text: `last run ended with ${end.exitCode} (${end.reason ?? 'no reason'})` }]
      : []),
    { from: 'container', text: `${container.restartCount} restarts` },
  ];
  const base = { severity: 'error' as const, container: container.name };
  if (
    /executable file not found|no such file or directory|StartError|permission denied/i.test(
      `${message} ${end?.reason}`,
    ) ||
    end?.exitCode === 127 ||
    end?.exitCode === 126
  )
    return {
      ...base,
      code: 'CommandNotFound',
      summary: `The command cannot be run${command ? `: ${command}` : ''}.`,
      evidence: [...evidence, ...(message ? [{ from: 'container' as const, text: message }] : [])],
      causes: [
        end?.exitCode === 126
          ? 'The file is there, but not executable.'
          : 'The image has no such program, or it is not on its PATH.',
      ],
      remedies: [{ text: 'Correct command and args, or the image’s entrypoint.' }],
      confidence: end?.reason === 'StartError' || message ? 'certain' : 'likely',
    };
  const killing = latest(
    events,
    ({ reason, message: said }) => reason === 'Killing' && /liveness|startup/i.test(said ?? ''),
  );
  const unhealthy = latest(
    events,
    ({ reason, message: said }) => reason === 'Unhealthy' && /liveness|startup/i.test(said ?? ''),
  );
  if (killing ?? unhealthy) return explainProbe(pod, container, events, false) as Explanation;
  return {
    ...base,
    code: 'AppCrash',
    summary: end
      ? `The program ended with ${end.exitCode}: ${exitMeaning(end.exitCode)}.`
      : `The container cannot be started: ${message || waiting?.reason}`,
    evidence,
    causes: [end ? exitMeaning(end.exitCode) : 'The container runtime refused it.'],
    remedies: [
      {
        text: 'Read what it said before it ended.',
        command: `kubectl logs ${pod.metadata?.name} -n ${pod.metadata?.namespace} -c ${container.name} --previous`,
      },
    ],
    confidence: 'certain',
  };
}

/** exitMeaning puts an exit code in words (128 + n: ended by signal n). */
export function exitMeaning(code: number): string {
  const known: Readonly<Record<number, string>> = {
    0: 'it ended although it should go on running',
    1: 'an error of the program itself',
    2: 'wrong usage: arguments or options',
    126: 'the command is not executable',
    127: 'the command was not found',
    134: 'it aborted itself (SIGABRT)',
    137: 'it was killed (SIGKILL): out of memory, or it did not end in time',
    139: 'it crashed on a wrong memory access (SIGSEGV)',
    143: 'it was asked to end (SIGTERM)',
  };
  return (
    known[code] ??
    (code > 128 && code < 160 ? `it was ended by signal ${code - 128}` : 'an error of the program itself')
  );
}

/** specOf finds a container's spec, init containers included. */
export const specOf = (pod: PodJson, name: string) =>
  [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((container) => container.name === name);
