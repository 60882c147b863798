import { newId } from '@nm/kernel/ids';
import type { KatContext } from '../kinds/kat-context.js';
import type { KindMap, ResourceOf } from '../kinds/kind-map.js';
import { createObject } from '../write/create-object.js';
import { deleteObject } from '../write/delete-object.js';

type Pod = ResourceOf<KindMap['pods']>;

export interface OneShotOptions {
  readonly image: string;
  readonly command: readonly string[];
  readonly ns?: string;
  /** Start of its name. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** It is ended after so long, whoever waits for it. Default 10 minutes. */
  readonly deadlineSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OneShotResult {
  readonly code: number;
  readonly output: string;
}

const deadlineSecondsDefault = 600;
/** What nobody removed, the cluster removes so long after its end. */
const ttlSecondsAfterFinished = 60;
const nobody = 65534;
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
    await createObject(session, jobs, ns, jobOf(name, options), { fieldManager, signal });
    return new OneShot(kat, ns, name);
  }

  /** pod waits until its pod is in one of these phases. @throws Fault kube_wait_timeout */
  async pod(phases: readonly string[], timeoutMs = 120_000): Promise<Pod> {
    const wanted = (all: Pod[]) => all.some(({ phase }) => phases.includes(phase));
    const query = this.#kat.query('pods').ns(this.ns).labels({ 'batch.kubernetes.io/job-name': this.name });
    const [pod] = await query.waitUntil(wanted, { timeoutMs });
    return pod as Pod;
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

/** runOnce runs a command in a pod of its own and gives its exit code and output; the pod is gone afterwards, whatever happened. */
export async function runOnce(kat: KatContext, options: OneShotOptions): Promise<OneShotResult> {
  await using shot = await OneShot.start(kat, options);
  const pod = await shot.pod(
    ['Succeeded', 'Failed'],
    (options.deadlineSeconds ?? deadlineSecondsDefault) * 1000 + 30_000,
  );
  const output = (await pod.logs()).join('\n');
  return { code: pod.exitCode ?? -1, output };
}

function jobOf(name: string, options: OneShotOptions): object {
  const labels = { 'app.kubernetes.io/managed-by': 'k8kat', 'k8kat/one-shot': 'true' };
  const container = {
    name: 'main',
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    command: options.command,
    env: Object.entries(options.env ?? {}).map(([key, value]) => ({ name: key, value })),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  return {
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished,
      activeDeadlineSeconds: options.deadlineSeconds ?? deadlineSecondsDefault,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: nobody, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [container],
        },
      },
    },
  };
}
