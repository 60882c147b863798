import type { V1Pod } from '@kubernetes/client-node';
import { explainCrash } from '../explain/crash-log.js';
import { explainPod } from '../explain/explain-pod.js';
import type { Explanation } from '../explain/explanation.js';
import { field, notField } from '../query/condition.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { podResource } from '../state/pod-resources.js';
import { conditionOf, countsOf, lastTermination, podStatus, podTernary } from '../state/pod-status.js';
import { shellWords } from '../state/shell-words.js';
import { type CopyOptions, copyFromPod, copyToPod } from '../streams/copy.js';
import {
  type ExecOptions,
  type ExecResult,
  type ExecStream,
  exec,
  type OpenExecOptions,
  openAttach,
  openExec,
} from '../streams/exec.js';
import { followLogs } from '../streams/follow-logs.js';
import { containerPort } from '../streams/forward-route.js';
import { type LogLine, type LogOptions, readLogs } from '../streams/pod-logs.js';
import { type ForwardOptions, type LocalForward, listenPortForward } from '../streams/port-forward.js';
import { type EvictOptions, evictPod } from '../write/evict-pod.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf, namedBy, ownersOf, servicesOf } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const nodesOf = namedBy<Pod, 'nodes'>('nodes', 'nodes of pods', (pod) => (pod.node ? [pod.node] : []), {
  clusterWide: true,
});
const svcsOf = servicesOf<Pod>('services of pods', (pod) => pod.labels);
const setsOf = ownersOf('rs', 'ReplicaSet', 'replica sets of pods');
const claimsOf = namedBy<Pod, 'pvcs'>('pvcs', 'claims of pods', (pod) =>
  (pod.raw.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []),
);

/** Which container, and how far back. */
export interface PodLogOptions extends LogOptions {
  readonly container?: string;
}

/** Pod wraps a pod. */
export class Pod extends Resource<Json<V1Pod>> {
  get phase(): string {
    return this.raw.status?.phase ?? 'Unknown';
  }
  /** status is kubectl's column STATUS: `Running`, `CrashLoopBackOff`, `Init:0/1`, `Terminating`. */
  get status(): string {
    return podStatus(this.raw);
  }
  override get ternaryStatus(): Ternary {
    return podTernary(this.raw);
  }
  get node(): string | undefined {
    return this.raw.spec?.nodeName;
  }
  get ip(): string | undefined {
    return this.raw.status?.podIP;
  }
  get images(): readonly string[] {
    return (this.raw.spec?.containers ?? []).map(({ image }) => image ?? '');
  }
  /** image is the first container's. */
  get image(): string {
    return this.images[0] ?? '';
  }
  get containers(): readonly string[] {
    return (this.raw.spec?.containers ?? []).map(({ name }) => name);
  }
  /** ready is kubectl's column READY: `1/2`. */
  get ready(): string {
    const { ready, total } = countsOf(this.raw);
    return `${ready}/${total}`;
  }
  get isReady(): boolean {
    return conditionOf(this.raw, 'Ready')?.status === 'True';
  }
  get restarts(): number {
    return countsOf(this.raw).restarts;
  }
  /** exitCode is that of the newest run that ended; undefined when none has. */
  get exitCode(): number | undefined {
    return lastTermination(this.raw)?.exitCode;
  }
  /** Why the newest run that ended did: `Completed`, `Error`, `OOMKilled`. */
  get lastTermination(): string | undefined {
    return lastTermination(this.raw)?.reason;
  }
  get isUnschedulable(): boolean {
    return conditionOf(this.raw, 'PodScheduled')?.reason === 'Unschedulable';
  }
  /** In cores, as the scheduler counts. */
  get cpuRequest(): number {
    return podResource(this.raw, 'requests', 'cpu');
  }
  get cpuLimit(): number {
    return podResource(this.raw, 'limits', 'cpu');
  }
  /** In bytes. */
  get memRequest(): number {
    return podResource(this.raw, 'requests', 'memory');
  }
  get memLimit(): number {
    return podResource(this.raw, 'limits', 'memory');
  }

  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
  nodes(): KindMap['nodes'] {
    return this.related(nodesOf);
  }
  replicaSets(): KindMap['rs'] {
    return this.related(setsOf);
  }
  pvcs(): KindMap['pvcs'] {
    return this.related(claimsOf);
  }

  /** logs gives the lines of the last so many seconds, or of what the options say. @throws Fault kube_api before the container started */
  async logs(options: number | PodLogOptions = {}): Promise<string[]> {
    const { container, ...rest } = typeof options === 'number' ? { sinceSeconds: options } : options;
    const lines = await readLogs(this.kat.session, this.#place(container), rest);
    return lines.map(({ text }) => text);
  }

  /** streamLogs follows every container (or one) across restarts, until the pod is over or the signal aborts. */
  streamLogs(options: {
    readonly signal: AbortSignal;
    readonly container?: string;
    readonly tail?: number;
  }): AsyncGenerator<LogLine> {
    const { container, ...rest } = options;
    const what = { namespace: this.ns, name: this.name, ...(container === undefined ? {} : { container }) };
    return followLogs(this.kat.session, what, { ...rest, clock: this.kat.clock });
  }

  /**
   * cmd runs a command to its end; text is split at blanks, with quotes kept together, and sees no shell. An exit code other than 0 is a result.
   * @throws Fault kube_api when it cannot be started
   */
  cmd(
    command: string | readonly string[],
    options: ExecOptions & { readonly container?: string } = {},
  ): Promise<ExecResult> {
    return exec(this.kat.session, this.#place(options.container), wordsOf(command), options);
  }
  /** open runs a command whose input and output are streams, with a terminal where wanted. */
  open(
    command: string | readonly string[],
    options: OpenExecOptions & { readonly container?: string } = {},
  ): Promise<ExecStream> {
    return openExec(this.kat.session, this.#place(options.container), wordsOf(command), options);
  }
  attach(options: OpenExecOptions & { readonly container?: string } = {}): Promise<ExecStream> {
    return openAttach(this.kat.session, this.#place(options.container), options);
  }
  /** portForward opens a port of this machine that leads to one of the pod, by number or by name. @throws Fault kube_api when there is none of that name */
  portForward(port: number | string, options: ForwardOptions = {}): Promise<LocalForward> {
    const words = this.sig();
    const routes = async () => [{ pod: this.name, port: containerPort(this.raw.spec, port, words) }];
    return listenPortForward(this.kat.session, { namespace: this.ns, words, routes }, options);
  }
  /** copyFrom writes a file or folder of the pod under a folder of this machine; what the pod sends is not trusted. */
  copyFrom(path: string, directory: string, options: CopyOptions & { readonly container?: string } = {}) {
    return copyFromPod(this.kat.session, this.#place(options.container), path, directory, options);
  }
  copyTo(
    source: string,
    directory: string,
    options: { readonly signal?: AbortSignal; readonly container?: string } = {},
  ) {
    return copyToPod(this.kat.session, this.#place(options.container), source, directory, options);
  }

  /** evict deletes it as far as its disruption budgets allow. @throws Fault kube_api with status 429 when they don't */
  async evict(options: EvictOptions = {}): Promise<void> {
    await evictPod(this.kat.session, this, options);
  }

  /** explainError says why it is not as it should be; null when it is, or only needs time. Two requests, and its log after a crash. */
  async explainError(): Promise<Explanation | null> {
    const events = await this.events();
    const facts = { pod: this.raw, events: events.map(({ raw }) => raw), nowMs: this.kat.clock.nowMs() };
    const found = explainPod(facts);
    return found ? explainCrash(found, (options) => this.logs(options)) : null;
  }

  #place(container?: string) {
    return { namespace: this.ns, pod: this.name, container };
  }
}

const wordsOf = (command: string | readonly string[]): readonly string[] =>
  typeof command === 'string' ? shellWords(command) : command;

/** PodQuery narrows pods. */
export class PodQuery extends NamespacedQuery<Pod, 'events' | 'svcs' | 'nodes' | 'replicaSets' | 'pvcs'> {
  running(): this {
    return this.refine('running()', (pod) => pod.status === 'Running', field('status.phase', 'Running'));
  }
  /** creating keeps pods that are not yet up, whether or not they ever will be. */
  creating(): this {
    return this.narrow(field('status.phase', 'Pending'));
  }
  terminating(): this {
    return this.refine('terminating()', (pod) => pod.isBeingDeleted);
  }
  failed(): this {
    return this.narrow(field('status.phase', 'Failed'));
  }
  succeeded(): this {
    return this.narrow(field('status.phase', 'Succeeded'));
  }
  notSucceeded(): this {
    return this.narrow(notField('status.phase', 'Succeeded'));
  }
  ready(): this {
    return this.refine('ready()', (pod) => pod.isReady, field('status.phase', 'Running'));
  }
  notReady(): this {
    return this.refine('notReady()', (pod) => !pod.isReady, notField('status.phase', 'Succeeded'));
  }
  /** status keeps pods with one of these in kubectl's column STATUS, in whatever case. */
  status(...statuses: readonly string[]): this {
    const wanted = new Set(statuses.map((status) => status.toLowerCase()));
    return this.refine(`status in (${statuses.join(', ')})`, (pod) => wanted.has(pod.status.toLowerCase()));
  }
  override broken(): this {
    return this.ternary('broken()', 'negative', notField('status.phase', 'Succeeded'));
  }
  crashing(): this {
    return this.refine(
      'crashing()',
      (pod) => /CrashLoopBackOff$/.test(pod.status),
      notField('status.phase', 'Succeeded'),
    );
  }
  oomKilled(): this {
    return this.refine('oomKilled()', (pod) => pod.lastTermination === 'OOMKilled');
  }
  unschedulable(): this {
    return this.refine('unschedulable()', (pod) => pod.isUnschedulable, field('status.phase', 'Pending'));
  }
  onNode(node: string): this {
    return this.narrow(field('spec.nodeName', node));
  }
  withServiceAccount(name: string): this {
    return this.narrow(field('spec.serviceAccountName', name));
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
  svcs(): KindMap['svcs'] {
    return this.related(svcsOf);
  }
  nodes(): KindMap['nodes'] {
    return this.related(nodesOf);
  }
}

export const pods: KindSpec<Pod, PodQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Pod',
    resource: 'pods',
    namespaced: true,
    aliases: ['po'],
    serverFields: {
      'spec.nodeName': {},
      'spec.restartPolicy': {},
      'spec.schedulerName': {},
      'spec.serviceAccountName': {},
      'spec.hostNetwork': { absent: 'false' },
      'status.phase': {},
      'status.podIP': {},
      'status.nominatedNodeName': {},
    },
  },
  wrap: Pod,
  query: PodQuery,
  relations: { events: eventsOf, svcs: svcsOf, nodes: nodesOf, replicaSets: setsOf, pvcs: claimsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    pods: PodQuery;
  }
}
