import { z } from 'zod';

const title = z.string().trim().min(1).max(200);
const timeoutSeconds = z.number().int().min(1).max(3600);

/** Let time pass. A run that waits long gives its worker back meanwhile. */
export const WaitStep = z.strictObject({
  kind: z.literal('wait'),
  title,
  seconds: z.number().int().min(0).max(86_400),
});

/** Id of a job as a KAMA gives it. */
export const KamaJobId = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, 'the id of a job');

/**
 * Follow a job that the install's KAMA carries out itself, until it settles: `GET /api/app/jobs/<id>/status` of the KAMA contract. Its progress tree
 * becomes that of the step. A cancelled run follows no more; the job goes on, since the contract knows no way to stop it.
 */
export const FollowJobStep = z.strictObject({
  kind: z.literal('follow-job'),
  title,
  /** The id, or `$from` of a step that has asked the KAMA for something. */
  job: z.union([KamaJobId, z.strictObject({ $from: z.string().min(1).max(500) })]),
  timeoutSeconds: timeoutSeconds.default(1_800),
});

/** Ask the install's KAMA again and again whether its predicates hold, until all of them do. Predicates are named (`id::…`) or written out as descriptors. */
export const AwaitPredicatesStep = z.strictObject({
  kind: z.literal('await-predicates'),
  title,
  predicates: z
    .array(z.union([z.string().min(1).max(300), z.record(z.string().max(200), z.json())]))
    .min(1)
    .max(50),
  timeoutSeconds: timeoutSeconds.default(240),
});
