import type { V1Probe } from '@kubernetes/client-node';
import type { Json } from '../kinds/kube-json.js';
import type { ContainerStatusJson, PodJson } from '../state/pod-status.js';
import { type EventJson, type Evidence, type Explanation, eventEvidence, latest } from './explanation.js';

type ProbeKind = 'liveness' | 'startup' | 'readiness';
type ContainerJson = NonNullable<PodJson['spec']>['containers'][number];

/** explainProbe says which probe fails, where it looks, and what that means for the pod; undefined when none does. */
export function explainProbe(
  pod: PodJson,
  container: ContainerStatusJson,
  events: readonly EventJson[],
  isReady: boolean,
): Explanation | undefined {
  const event = latest(events, ({ reason, message }) => reason === 'Unhealthy' && probeOf(message) !== undefined);
  const kind = probeOf(event?.message);
  const spec = pod.spec?.containers.find(({ name }) => name === container.name);
  if (!event || !kind) return isReady ? undefined : gates(pod, container);
  // A pod that is ready has got over its earlier failures.
  if (isReady && (kind === 'readiness' || kind === 'startup')) return undefined;
  if (isReady && container.restartCount === 0) return undefined;
  const probe = spec?.[`${kind}Probe`];
  const wrongPort = portTrouble(spec, probe);
  const evidence: Evidence[] = [
    eventEvidence(event),
    { from: 'spec', text: `${kind} probe: ${describeProbe(probe)}` },
    ...(container.restartCount ? [{ from: 'container' as const, text: `${container.restartCount} restarts` }] : []),
    ...(wrongPort ? [{ from: 'spec' as const, text: wrongPort }] : []),
  ];
  return {
    code: kind === 'liveness' ? 'LivenessKill' : kind === 'startup' ? 'StartupProbe' : 'NotReady',
    severity: 'error',
    container: container.name,
    summary: `${meanings[kind]}: ${event.message?.split('\n')[0] ?? ''}`,
    evidence,
    causes: [wrongPort ?? causeOf(event.message ?? '')],
    remedies: [{ text: wrongPort ? 'Let the probe look at the port that the program listens on.' : remedies[kind] }],
    confidence: 'certain',
  };
}

const meanings: Readonly<Record<ProbeKind, string>> = {
  liveness: 'The kubelet ends it again and again because its liveness probe fails',
  startup: 'It does not start in the time that its startup probe gives it',
  readiness: 'It runs, but gets no traffic because its readiness probe fails',
};
const remedies: Readonly<Record<ProbeKind, string>> = {
  liveness:
    'Find out why the program does not answer; give the probe more time (timeoutSeconds, failureThreshold) if it is only slow.',
  startup: 'Raise failureThreshold or periodSeconds of the startup probe, or make the start faster.',
  readiness: 'Find out what the program waits for; check path and port of the probe.',
};

function probeOf(message: string | undefined): ProbeKind | undefined {
  const kind = /^(liveness|startup|readiness) probe/i.exec(message ?? '')?.[1]?.toLowerCase();
  return kind as ProbeKind | undefined;
}

function causeOf(message: string): string {
  if (/connection refused/i.test(message)) return 'Nothing listens on that port.';
  if (/statuscode: (\d+)/i.test(message)) return `The program answers with ${/statuscode: (\d+)/i.exec(message)?.[1]}.`;
  if (/timeout|deadline exceeded/i.test(message)) return 'The program does not answer in time.';
  return 'The probe’s check fails.';
}

function describeProbe(probe: Json<V1Probe> | undefined): string {
  if (!probe) return 'not in the spec';
  const { httpGet, tcpSocket, exec, grpc, periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe;
  const target = httpGet
    ? `GET ${httpGet.scheme === 'HTTPS' ? 'https' : 'http'} port ${httpGet.port} ${httpGet.path ?? '/'}`
    : tcpSocket
      ? `connect to port ${tcpSocket.port}`
      : grpc
        ? `gRPC port ${grpc.port}`
        : `run ${(exec?.command ?? []).join(' ')}`;
  return `${target}, every ${periodSeconds} s, ${failureThreshold} failures, ${timeoutSeconds} s each`;
}

/** A container that names its ports, and a probe that looks at none of them. */
function portTrouble(container: ContainerJson | undefined, probe: Json<V1Probe> | undefined): string | undefined {
  const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
  const ports = container?.ports ?? [];
  if (port === undefined || ports.length === 0) return undefined;
  const known = ports.some(({ containerPort, name }) => `${port}` === `${containerPort}` || port === name);
  return known
    ? undefined
    : `The probe looks at port ${port}, but the container names ${ports.map(({ containerPort }) => containerPort).join(', ')}.`;
}

function gates(pod: PodJson, container: ContainerStatusJson): Explanation | undefined {
  const conditions = pod.status?.conditions ?? [];
  const open = (pod.spec?.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((type) => conditions.find((condition) => condition.type === type)?.status !== 'True');
  if (open.length === 0 || !container.ready) return undefined;
  return {
    code: 'NotReady',
    severity: 'error',
    summary: `Every container is ready, but these gates are not: ${open.join(', ')}.`,
    evidence: [{ from: 'condition', text: `readinessGates: ${open.join(', ')}` }],
    causes: ['The controller that sets the condition has not said yes (a load balancer, for example).'],
    remedies: [{ text: 'See to the controller that the gate is named after.' }],
    confidence: 'certain',
  };
}
