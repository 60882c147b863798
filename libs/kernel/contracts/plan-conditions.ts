import { z } from 'zod';
import { ObjectRef } from './plan-objects.js';

/** Name of a step within its plan, for conditions. */
export const StepId = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and dashes');

const scalar = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]);
/** Members from the object's root: `status.phase`, `spec.containers.0.image`. */
const fieldPath = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^.]+(\.[^.]+)*$/, 'names of members, with dots between');

/** StepCondition looks at how an earlier step of the plan ended. */
export const StepCondition = z.strictObject({ step: StepId, is: z.enum(['positive', 'negative', 'skipped']) });

export type StepCondition = z.infer<typeof StepCondition>;

/** ObjectCondition looks at an object on the cluster: whether it is there, is ready, or has a value in a field. */
export const ObjectCondition = z
  .strictObject({
    object: ObjectRef,
    is: z.enum(['present', 'absent', 'ready']).optional(),
    field: fieldPath.optional(),
    equals: scalar.optional(),
  })
  .refine((it) => (it.is === undefined) !== (it.field === undefined), {
    message: 'say either what the object is, or a field and what it equals',
    path: ['is'],
  })
  .refine((it) => (it.field === undefined) === (it.equals === undefined), {
    message: 'a field needs the value that it equals',
    path: ['equals'],
  });

export type ObjectCondition = z.infer<typeof ObjectCondition>;

/** Condition is data, not code: a test of a step or an object, or several joined. */
export type Condition =
  | StepCondition
  | ObjectCondition
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition };

const joinedMax = 20;

export const Condition: z.ZodType<Condition> = z
  .union([
    StepCondition,
    ObjectCondition,
    z.strictObject({
      get all() {
        return z.array(Condition).min(1).max(joinedMax);
      },
    }),
    z.strictObject({
      get any() {
        return z.array(Condition).min(1).max(joinedMax);
      },
    }),
    z.strictObject({
      get not() {
        return Condition;
      },
    }),
  ])
  .meta({ id: 'Condition' });
