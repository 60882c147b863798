import type { RbacPolicy, RunPlan } from '@nm/kernel/contracts';

type Step = RunPlan['steps'][number];

const write = ['get', 'list', 'watch', 'create', 'patch', 'delete'];

/** What the runs of a storm may do. */
export const stormPolicy: RbacPolicy = {
  roles: [
    {
      name: 'main',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: write },
        { apiGroups: ['batch'], resources: ['jobs'], verbs: write },
        { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
      ],
    },
  ],
  clusterRoles: [],
};

const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
const configMap = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { value },
});
const put = (name: string, value: string): Step => ({
  kind: 'apply',
  title: `Put ${name}`,
  manifests: [configMap(name, value)],
});
const patch = (name: string, value: string): Step => ({
  kind: 'patch',
  title: `Patch ${name}`,
  ref: refOf(name),
  patch: { data: { value } },
});
const job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/job:1' }] } } },
};

/** Every so many runs one runs a Job, and one posts to the counter. */
const jobEvery = 10;
const postEvery = 5;

/**
 * stormPlan gives run `i` steps whose repetition, or whose late write, shows: one object goes through the values 1 to 4, others are made once,
 * one is made and deleted.
 * @param counter an address that counts what is posted to it
 */
export function stormPlan(i: number, counter: string): RunPlan {
  const main = `s-${i}`;
  const steps: Step[] = [
    put(main, '1'),
    put(`${main}-gone`, 'here'),
    patch(main, '2'),
    { kind: 'group', title: 'Both', mode: 'parallel', steps: [put(`${main}-a`, 'a'), put(`${main}-b`, 'b')] },
    put(main, '3'),
    { kind: 'delete', title: 'Delete', refs: [refOf(`${main}-gone`)], timeoutSeconds: 120 },
    ...(i % jobEvery === 0 ? [runJob(`j-${i}`)] : []),
    ...(i % postEvery === 0 ? [post(`${counter}/${i}`)] : []),
    patch(main, '4'),
  ];
  return { steps };
}

const runJob = (name: string): Step => ({
  kind: 'run-job',
  title: 'Run a Job',
  manifest: { ...job, metadata: { name } },
  timeoutSeconds: 300,
});
const post = (url: string): Step => ({
  kind: 'http-request',
  title: 'Post',
  method: 'POST',
  url,
  expectStatus: [200],
  timeoutSeconds: 30,
  // Cut off in the middle it ends as unknown, for a person to decide; the storm has nobody to ask.
  onError: 'continue',
});

/** What each object of run `i` must have gone through, when the run has got to its end. */
export function expectedEffects(i: number): Readonly<Record<string, readonly string[]>> {
  const main = `s-${i}`;
  return {
    [main]: ['1', '2', '3', '4'],
    [`${main}-a`]: ['a'],
    [`${main}-b`]: ['b'],
    [`${main}-gone`]: ['here', 'deleted'],
    ...(i % jobEvery === 0 ? { [`j-${i}`]: ['job'] } : {}),
  };
}
