import type { V1PodTemplateSpec } from '@kubernetes/client-node';
import { Fault } from '@nm/kernel/fault';
import { explainWorkload } from '../explain/explain-workload.js';
import type { Explanation } from '../explain/explanation.js';
import type { SelectorJson } from '../state/selector.js';
import type { Rollout } from '../state/workload-status.js';
import { ternaryOf } from '../state/workload-status.js';
import { containerPort } from '../streams/forward-route.js';
import { type ForwardOptions, type LocalForward, listenPortForward } from '../streams/port-forward.js';
import { type Scaling, scaleObject } from '../write/scale-object.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { Json, KubeJson } from './kube-json.js';
import { eventsOf, servicesOf } from './relations.js';
import { Resource, type Ternary } from './resource.js';

export type TemplateJson = Json<V1PodTemplateSpec>;

/** The least that everything has that makes pods from a template. */
export interface WorkloadJson extends KubeJson {
  spec?: { replicas?: number; selector?: SelectorJson; template?: TemplateJson };
  status?: { readyReplicas?: number; replicas?: number };
}

/** Workload is what makes pods from a template: deployments, replica sets, stateful sets, daemon sets. */
export abstract class Workload<Raw extends WorkloadJson> extends Resource<Raw> {
  /** Where the pods are found; see `podsOf` of the kinds. */
  protected abstract readonly podsRelation: Relation<never, 'pods'>;
  abstract get rollout(): Rollout;

  get selector(): SelectorJson {
    return this.raw.spec?.selector ?? {};
  }
  /** templateLabels are those of the pods to be. */
  get templateLabels(): Readonly<Record<string, string>> {
    return this.raw.spec?.template?.metadata?.labels ?? {};
  }
  get images(): readonly string[] {
    return (this.raw.spec?.template?.spec?.containers ?? []).map(({ image }) => image ?? '');
  }
  get image(): string {
    return this.images[0] ?? '';
  }
  get desired(): number {
    return this.raw.spec?.replicas ?? 1;
  }
  get readyReplicas(): number {
    return this.raw.status?.readyReplicas ?? 0;
  }
  get isReady(): boolean {
    return this.readyReplicas >= this.desired;
  }
  override get ternaryStatus(): Ternary {
    return ternaryOf(this.rollout);
  }

  pods(): KindMap['pods'] {
    return this.related(this.podsRelation);
  }
  svcs(): KindMap['svcs'] {
    return this.related(servicesOfTemplate);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }

  /** scale sets the number of pods, or changes it `by` some; never below 0. Nothing is lost when others scale at the same time. */
  async scale(scaling: number | Scaling): Promise<this> {
    await scaleObject(this.kat.session, this.target(), scaling, { fieldManager: this.kat.fieldManager });
    return (await this.reload()) ?? this;
  }

  /** restart replaces the pods one after the other, as `kubectl rollout restart` does: no downtime that the strategy does not allow. */
  restart(): Promise<this> {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': this.kat.clock.now().toISOString() };
    return this.patch({ spec: { template: { metadata: { annotations } } } });
  }

  /** setImage changes a container's image: the named one's, else the first one's. */
  setImage(image: string, container?: string): Promise<this> {
    return this.patch((draft) => {
      const containers = draft.spec?.template?.spec?.containers ?? [];
      const found = container === undefined ? containers[0] : containers.find(({ name }) => name === container);
      if (!found) throw new Fault('kube_api', { public: `${this.sig()} has no container "${container}".` });
      found.image = image;
    });
  }

  /** logs gives what its pods said of late, each line with its pod's name in front. */
  async logs(sinceSeconds = 60): Promise<string[]> {
    const pods = await this.pods();
    const lines = await Promise.all(
      pods.map(async (pod) => (await pod.logs({ sinceSeconds })).map((line) => `[${pod.name}] ${line}`)),
    );
    return lines.flat();
  }

  /**
   * portForward opens a port of this machine that leads to one of its pods, by the number or the name of the container's port: to one that is ready, and
   * to another when that goes away.
   * @throws Fault kube_api when there is no port of that name, or no pod is ready
   */
  portForward(port: number | string, options: ForwardOptions = {}): Promise<LocalForward> {
    const words = this.sig();
    const routes = async () => {
      // A mistake is told as such, also while no pod is ready.
      containerPort(this.raw.spec?.template?.spec, port, words);
      const ready = (await this.pods().ready()).filter((pod) => !pod.isBeingDeleted);
      return ready.map((pod) => ({ pod: pod.name, port: containerPort(pod.raw.spec, port, words) }));
    };
    return listenPortForward(this.kat.session, { namespace: this.ns, words, routes }, options);
  }

  /** explainError says why it is not as it should be; null when it is, or only needs time. */
  async explainError(): Promise<Explanation | null> {
    const [pods, events] = await Promise.all([this.pods().all(), this.events().warnings().all()]);
    const own = explainWorkload(
      this.raw,
      events.map(({ raw }) => raw),
    );
    if (own) return own;
    for (const pod of pods.filter(({ isBroken }) => isBroken)) {
      const found = await pod.explainError();
      if (found) return { ...found, summary: `Pod ${pod.name}: ${found.summary}` };
    }
    return null;
  }

  protected target() {
    return { resource: this.facts, namespace: this.ns, name: this.name };
  }
}

export const servicesOfTemplate: Relation<Workload<WorkloadJson>, 'svcs'> = servicesOf(
  'services of workloads',
  (workload) => workload.templateLabels,
);
