import { z } from 'zod';

/** Slug names an org, app, plan, channel or version in URLs: lower case, digits, dashes and dots inside. */
export const Slug = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    'lower-case letters, digits, dashes and dots, starting and ending with a letter or digit',
  )
  .refine((text) => !text.includes('..'), 'no two dots in a row');

/** An RFC 1123 label, as Kubernetes wants for a namespace. */
export const KubeName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'a Kubernetes name: lower-case letters, digits and dashes');

export const DisplayName = z.string().trim().min(1).max(120);
export const Email = z.email().max(254).toLowerCase();
/** A page for people, which we only ever show. */
export const WebAddress = z.url({ protocol: /^https?$/ }).max(500);
export const Id = z.string().min(1).max(64);
/** Time as RFC 3339 text in UTC. */
export const Instant = z.iso.datetime({ offset: true });

/** Page of a list: at most `limit` items after `cursor`. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(64).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** pageOf is the envelope of every list. `nextCursor` is absent on the last page. */
export const pageOf = <T extends z.ZodType>(item: T, id: string) =>
  z.object({ data: z.array(item), nextCursor: z.string().optional() }).meta({ id });
