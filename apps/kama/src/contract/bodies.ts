import { z } from 'zod';

const dict = z.record(z.string().max(500), z.unknown());
/** A number or truth value that stands where a name is wanted was text before bodies are coerced. */
const name = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const names = z.array(name).max(1_000);

/** What bodies must have. Members that no route knows are passed over, as in the original. */
export const Typed = z.looseObject({ value: z.unknown().refine((value) => value !== undefined, 'must be there') });
export const FieldTyped = Typed.extend({ values: dict.optional() });
export const StepValues = z.looseObject({ values: dict.default({}) });
export const Assignments = z.looseObject({ assignments: dict });
export const VictimKeys = z.looseObject({ victim_keys: names });
export const Whitelist = z.looseObject({ whitelist: names.min(1, 'whitelist empty/absent') });
export const Predicates = z.looseObject({ predicates: z.array(z.unknown()).max(200) });
export const BackupName = z.looseObject({ name: name.pipe(z.string().max(200)).optional() });
export const PluginIdentity = z.looseObject({
  install_id: name.optional(),
  ktea: dict.optional(),
  publisher_identifier: name.optional(),
  app_identifier: name.optional(),
});
export const ResourceQuestion = z.looseObject({
  resource_kinds: z
    .array(name.pipe(z.string().min(1).max(200)))
    .min(1)
    .max(50),
  col_ids: z.array(name).max(50).nullish(),
  problem_level: z.enum(['error', 'warning']).optional().catch(undefined),
  max_cols: z.coerce.number().int().min(0).max(100).nullish().catch(undefined),
});
export const Outcome = z.looseObject({ status: z.enum(['positive', 'negative']).optional() });
export const Sharing = z.looseObject({ data: dict });
export const StoreChoice = z.looseObject({ meta_id: name });

type Out<T extends z.ZodType> = z.output<T>;
export type Typed = Out<typeof Typed>;
export type FieldTyped = Out<typeof FieldTyped>;
export type StepValues = Out<typeof StepValues>;
export type Assignments = Out<typeof Assignments>;
export type VictimKeys = Out<typeof VictimKeys>;
export type Whitelist = Out<typeof Whitelist>;
export type Predicates = Out<typeof Predicates>;
export type BackupName = Out<typeof BackupName>;
export type PluginIdentity = Out<typeof PluginIdentity>;
export type ResourceQuestion = Out<typeof ResourceQuestion>;
export type Outcome = Out<typeof Outcome>;
export type Sharing = Out<typeof Sharing>;
export type StoreChoice = Out<typeof StoreChoice>;
