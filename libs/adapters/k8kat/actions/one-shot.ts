import { newId } from '@nm/kernel/ids';
import type { KatContext } from '../kinds/kat-context.js';
import type { KindMap, ResourceOf } from '../kinds/kind-map.js';
import type { KubeObject } from '../transport/kube-types.js';
import { createObject } from '../write/create-object.js';
import { deleteObject } from '../write/delete-object.js';

export type Pod = ResourceOf<KindMap['pods']>;

export interface OneShotOptions {
  readonly image: string;
  /** Without it, the image's own entry point is started. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ns?: string;
  /** Start of its name. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** It is ended after so long, whoever waits for it. Default 10 minutes. */
  readonly deadlineSeconds?: number;
  /** What nobody removed, the cluster removes so long after its end. Default 60. */
  readonly keptSeconds?: number;
  /** Files that it reads, by name, in the folder `at`: in a Secret that goes with it. */
  readonly files?: { readonly at: string; readonly data: Readonly<Record<string, string>> };
  /** A ConfigMap of the namespace that it reads as a folder, where there is one. */
  readonly configMap?: { readonly name: string; readonly at: string };
  readonly memory?: string;
  readonly signal?: AbortSignal | undefined;
}

/** timeMsOf is how long a pod of these options can be there at most, its start included. */
export const timeMsOf = ({ deadlineSeconds = deadlineSecondsDefault }: OneShotOptions): number =>
  (deadlineSeconds + startSecondsMax) * 1000;

/** A job is made, and its image fetched, before its pod's own deadline begins. */
const startSecondsMax = 30;
const deadlineSecondsDefault = 600;
const keptSecondsDefault = 60;
const nobody = 65534;
const secrets = { apiVersion: 'v1', kind: 'Secret', resource: 'secrets', namespaced: true } as const;
const jobs = { apiVersion: 'batch/v1', kind: 'Job', resource: 'jobs', namespaced: true } as const;

/** OneShot is a helper pod that cannot outlive its use: we remove it, and should we die, its deadline and the cluster's TTL do. */
export class OneShot {
  readonly #kat: KatContext;
  readonly ns: string;
  readonly name: string;

  private constructor(kat: KatContext, ns: string, name: string) {
    this.#kat = kat;
    this.ns = ns;
    this.name = name;
  }

  /**
   * start makes it as a job of one try, so that the cluster's own controllers end it (activeDeadlineSeconds) and remove it
   * (ttlSecondsAfterFinished). It passes the pod security level `restricted` and carries no token. @throws Fault kube_api
   */
  static async start(kat: KatContext, options: OneShotOptions): Promise<OneShot> {
    const { ns = 'default', signal } = options;
    const name = `${(options.name ?? 'one-shot').slice(0, 40)}-${newId('request').slice(-10)}`;
    const { session, fieldManager } = kat;
    const shot = new OneShot(kat, ns, name);
    try {
      const job = jobOf(name, options);
      const { metadata } = await createObject<KubeObject>(session, jobs, ns, job, { fieldManager, signal });
      if (!options.files) return shot;
      // Its pod waits for it; and it belongs to the job, so that it goes with it, whoever removes that.
      const owner = { apiVersion: jobs.apiVersion, kind: jobs.kind, name, uid: metadata?.uid };
      const secret = { metadata: { name, ownerReferences: [owner] }, stringData: options.files.data };
      await createObject(session, secrets, ns, secret, { fieldManager, signal });
      return shot;
    } catch (error) {
      // An answer that did not come says nothing about what the cluster did; and what failed first is what matters.
      await shot.remove().catch(() => undefined);
      throw error;
    }
  }

  /** pod waits until its pod is in one of these phases. @throws Fault kube_wait_timeout */
  async pod(phases: readonly string[], timeoutMs = 120_000, signal?: AbortSignal): Promise<Pod> {
    const [pod] = await this.pods((all) => all.some(({ phase }) => phases.includes(phase)), timeoutMs, signal);
    return pod as Pod;
  }

  /** pods waits until its pods, one or none, are as wanted. @throws Fault kube_wait_timeout */
  pods(wanted: (all: Pod[]) => boolean, timeoutMs: number, signal?: AbortSignal): Promise<Pod[]> {
    const query = this.#kat.query('pods').ns(this.ns).labels({ 'batch.kubernetes.io/job-name': this.name });
    return query.waitUntil(wanted, { timeoutMs, signal });
  }

  /** remove takes job and pod away. */
  async remove(): Promise<void> {
    const target = { resource: jobs, namespace: this.ns, name: this.name };
    await deleteObject(this.#kat.session, target, { propagation: 'Background', graceSeconds: 0 });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}

function jobOf(name: string, options: OneShotOptions): object {
  const labels = { 'app.kubernetes.io/managed-by': 'k8kat', 'k8kat/one-shot': 'true' };
  const container = {
    name: 'main',
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    ...(options.command ? { command: options.command } : {}),
    ...(options.args ? { args: options.args } : {}),
    env: Object.entries(options.env ?? {}).map(([key, value]) => ({ name: key, value })),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: volumesOf(name, options).map((volume) => ({
      name: volume.name,
      mountPath: volume.at,
      readOnly: true,
    })),
    ...(options.memory === undefined
      ? {}
      : { resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: options.memory } } }),
  };
  return {
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: options.keptSeconds ?? keptSecondsDefault,
      // The pod's own deadline leaves the pod there to be read; the job's is for one that never starts.
      activeDeadlineSeconds: timeMsOf(options) / 1000,
      template: {
        metadata: { labels },
        spec: {
          activeDeadlineSeconds: options.deadlineSeconds ?? deadlineSecondsDefault,
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: nobody, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [container],
          volumes: volumesOf(name, options).map(({ at: _, ...volume }) => volume),
        },
      },
    },
  };
}

function volumesOf(name: string, { files, configMap }: OneShotOptions): ({ name: string; at: string } & object)[] {
  const volumes = [
    ...(files ? [{ name: 'files', at: files.at, secret: { secretName: name } }] : []),
    ...(configMap
      ? [{ name: 'config-map', at: configMap.at, configMap: { name: configMap.name, optional: true } }]
      : []),
  ];
  return volumes;
}
