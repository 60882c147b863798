import { z } from 'zod';
import { RunPlan } from './plans.js';
import { Id, Instant } from './primitives.js';

const cron = z.string().trim().min(9).max(120);
const timeZone = z.string().min(1).max(64);
const title = z.string().trim().min(1).max(200);

/** CreateSchedule starts a run of an install at certain times. Nothing runs by itself that nobody has asked for in this way. */
export const CreateSchedule = z
  .strictObject({
    title,
    action: z.string().min(1).max(120),
    plan: RunPlan,
    timeoutSeconds: z.number().int().min(5).max(7200).default(900),
    priority: z.enum(['low', 'normal', 'high']).optional(),
    /** Only with a licence that has several installs. */
    installId: Id.optional(),
    /** Minute, hour, day of month, month, day of week. */
    cron,
    /** A name of the IANA database. */
    timeZone: timeZone.default('UTC'),
    /** A time at which nothing ran, because NMachine was away: run once when it is back, or not at all. */
    missed: z.enum(['run-once', 'skip']).default('skip'),
    paused: z.boolean().default(false),
  })
  .meta({ id: 'CreateSchedule' });
export type CreateSchedule = z.infer<typeof CreateSchedule>;

export const ChangeSchedule = z
  .strictObject({
    title: title.optional(),
    cron: cron.optional(),
    timeZone: timeZone.optional(),
    missed: z.enum(['run-once', 'skip']).optional(),
    paused: z.boolean().optional(),
  })
  .meta({ id: 'ChangeSchedule' });
export type ChangeSchedule = z.infer<typeof ChangeSchedule>;

export const Schedule = z
  .object({
    id: Id,
    installId: Id,
    title: z.string(),
    action: z.string(),
    plan: RunPlan,
    timeoutSeconds: z.number().int(),
    priority: z.enum(['low', 'normal', 'high']),
    cron: z.string(),
    timeZone: z.string(),
    missed: z.enum(['run-once', 'skip']),
    paused: z.boolean(),
    /** Absent while it is paused. */
    nextAt: Instant.optional(),
    /** The last time that came, and what came of it: `started`, or why nothing was started. */
    last: z
      .object({
        at: Instant,
        outcome: z.enum(['started', 'missed', 'overlap', 'licence', 'install', 'invalid']),
        runId: Id.optional(),
      })
      .optional(),
    createdBy: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof Schedule>;

/** CreateWindow says when runs that change something may begin: on a cluster, or for one install. */
export const CreateWindow = z
  .strictObject({
    title,
    clusterId: Id.optional(),
    installId: Id.optional(),
    /** When the window opens. */
    cron,
    timeZone: timeZone.default('UTC'),
    durationMinutes: z.number().int().min(5).max(10_080),
  })
  .refine((it) => (it.clusterId === undefined) !== (it.installId === undefined), {
    message: 'name either a cluster or an install',
    path: ['clusterId'],
  })
  .meta({ id: 'CreateWindow' });
export type CreateWindow = z.infer<typeof CreateWindow>;

export const MaintenanceWindow = z
  .object({
    id: Id,
    title: z.string(),
    clusterId: Id.optional(),
    installId: Id.optional(),
    cron: z.string(),
    timeZone: z.string(),
    durationMinutes: z.number().int(),
    open: z.boolean(),
    /** When it opens next. */
    opensAt: Instant.optional(),
    createdAt: Instant,
  })
  .meta({ id: 'MaintenanceWindow' });
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;
