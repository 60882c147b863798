import type { KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { abandonJob, failuresOf, nameOfJob, podLines, podsOfJob, removeJob, startJob } from './job-work.js';
import { aboutObject, objectName } from './object-name.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { untilSettled } from './until-settled.js';

/** What nobody has taken away, the cluster takes away so long after its end. Until then a worker that was cut off finds how it ended. */
const keepSeconds = 600;
/** Beyond the pod's own deadline, for the cluster to notice. */
const graceSeconds = 60;
const nobody = 65534;
const outputCharsMax = 2_000;

const Ended = z.object({
  ended: z.object({ exitCode: z.number(), pod: z.string(), output: z.string().default('') }),
  uid: z.string(),
});
type Ended = z.infer<typeof Ended>['ended'];

/**
 * Runs a command in a pod of its own. The pod belongs to a Job of one try, so that the cluster's own controllers end it
 * (activeDeadlineSeconds) and take it away (ttlSecondsAfterFinished) whatever becomes of us.
 */
export const runPodKind: StepKindSpec<'run-pod'> = {
  preview: 'dry-run',
  outputs: ['pod', 'exitCode', 'output'],
  needs: async (_step, needs) => {
    await needs.object({ apiVersion: 'batch/v1', kind: 'Job', name: '' }, ['get', 'create', 'patch', 'delete']);
    needs.question({ verb: 'list', group: '', resource: 'pods' });
    needs.question({ verb: 'get', group: '', resource: 'pods/log' });
  },
  execute: async (step, context) => {
    const job = jobOf(step, context);
    const ref: ObjectRef = { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata?.name ?? '' };
    try {
      const ended = await endOf(step, job, ref, context);
      if (!ended) return {};
      if (step.expectExit.includes(ended.exitCode)) return ended;
      await context.note({ failed: failuresOf(context.noted) + 1 });
      throw new Fault('step_failed', {
        public: `The command ended with ${ended.exitCode}.`,
        extra: { reason: 'ExitCode' },
      });
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
  abandon: (step, context) =>
    abandonJob({ apiVersion: 'batch/v1', kind: 'Job', name: jobOf(step, context).metadata?.name ?? '' }, context),
};

/** How it ended is written down before the Job is taken away: done again, the step knows, and has only to clean up. */
async function endOf(
  step: StepOf<'run-pod'>,
  job: KubeObject,
  ref: ObjectRef,
  context: StepContext,
): Promise<Ended | undefined> {
  const known = Ended.safeParse(context.noted);
  if (known.success) {
    await removeJob(ref, known.data.uid, context);
    return known.data.ended;
  }
  const noted = await startJob(job, step.repeatable, context);
  if (context.dry) return undefined;
  const { end, uid } = await untilEnded(step, ref, { ...context, noted });
  const lines = await podLines(ref, context);
  for (const line of lines) await context.log(line);
  const ended = { ...end, output: lines.join('\n').slice(-outputCharsMax) };
  await context.log(`${objectName(ref)}: the command ended with ${ended.exitCode}`);
  await context.note({ ended, uid, failed: failuresOf(context.noted) });
  await removeJob(ref, uid, context);
  return ended;
}

interface ContainerEnd {
  readonly state?: { readonly terminated?: { readonly exitCode?: number; readonly reason?: string } };
}
interface JobCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

async function untilEnded(
  step: StepOf<'run-pod'>,
  ref: ObjectRef,
  context: StepContext,
): Promise<{ end: Omit<Ended, 'output'>; uid: string }> {
  const { session, namespace, signal } = context;
  const look = async () => {
    const job = await session.get(ref, namespace, signal);
    const uid = job?.metadata?.uid;
    if (!job || uid === undefined)
      throw new Fault('step_unknown', { public: `${objectName(ref)} is gone; nobody can say how it ended.` });
    const [pod] = await podsOfJob(ref, context);
    const [main] = (pod?.['status'] as { containerStatuses?: ContainerEnd[] } | undefined)?.containerStatuses ?? [];
    const exitCode = main?.state?.terminated?.exitCode;
    // A pod that the cluster takes away (deadline, eviction) ends with the code of the signal: the Job says why, a moment later.
    const takenAway = exitCode !== 0 && pod?.metadata?.deletionTimestamp !== undefined;
    if (exitCode !== undefined && !takenAway) return { end: { exitCode, pod: pod?.metadata?.name ?? '' }, uid };
    const conditions = (job['status'] as { conditions?: JobCondition[] } | undefined)?.conditions ?? [];
    const over = conditions.find(({ type, status }) => (type === 'Failed' || type === 'Complete') && status === 'True');
    if (over?.type === 'Complete') return { end: { exitCode: 0, pod: pod?.metadata?.name ?? '' }, uid };
    if (over) {
      await removeJob(ref, uid, context);
      await context.note({ failed: failuresOf(context.noted) + 1 });
      throw new Fault('step_failed', {
        public: `${objectName(ref)}: ${over.reason ?? 'Failed'}: ${over.message ?? ''}`,
        extra: { reason: over.reason ?? 'JobFailed' },
      });
    }
    return undefined;
  };
  return untilSettled(context, {
    ...{ look, late: () => `${objectName(ref)} has not ended`, forWhat: 'the command to end' },
    timeoutSeconds: step.timeoutSeconds + graceSeconds,
  });
}

function jobOf(step: StepOf<'run-pod'>, context: StepContext): KubeObject {
  const labels = { 'app.kubernetes.io/managed-by': 'nmachine', 'nmachine.io/run': context.run.id };
  const container = {
    name: 'main',
    image: step.image,
    command: step.command,
    ...(step.imagePullPolicy === undefined ? {} : { imagePullPolicy: step.imagePullPolicy }),
    env: Object.entries(step.env ?? {}).map(([name, value]) => ({ name, value })),
    envFrom: (step.envFrom ?? []).map((source) =>
      'secret' in source ? { secretRef: { name: source.secret } } : { configMapRef: { name: source.configMap } },
    ),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: nameOfJob('run-pod', context), labels },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: keepSeconds,
      activeDeadlineSeconds: step.timeoutSeconds,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 5,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: nobody, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [container],
        },
      },
    },
  } as KubeObject;
}
