import { z } from 'zod';

/** An attribute of a kind: what may be written there, and which kind of model it holds. */
export interface Attribute {
  readonly schema: z.ZodType;
  /** Models of this kind, or below it, are written or named here. */
  readonly child?: string;
  readonly list?: boolean;
}

/** Kind is what a descriptor can be. */
export interface Kind {
  readonly name: string;
  readonly parent?: string;
  readonly info: string;
  readonly aliases: readonly string[];
  /** Its own attributes; those of its parents hold too. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Text that is worked out when it is read. */
const expression = z
  .string()
  .regex(
    /^(\.\.\.)?get::|^inflate::|^assets::|\$\{|^__(none|null|nil|undefined)__$/,
    'an expression such as "get::id::x"',
  );
const supplier = z.looseObject({ kind: z.string() });

/** orComputed lets a value be written, or worked out by an expression or a supplier. */
const orComputed = (schema: z.ZodType): z.ZodType => z.union([schema, expression, supplier, z.null()]);

/** written is an attribute that holds a value, or something that is worked out into one. */
export const written = (schema: z.ZodType): Attribute => ({ schema: orComputed(schema) });
const value = written;
const model = z.union([z.string().min(1), z.looseObject({})]);

export const text = value(z.string());
export const flag = value(z.union([z.boolean(), z.string()]));
export const amount = value(z.union([z.number(), z.string()]));
export const strings = value(z.array(z.string()));
export const dict = value(z.looseObject({}));
export const anything: Attribute = { schema: z.unknown() };
export const anyList = value(z.array(z.unknown()));
export const choice = (...words: [string, ...string[]]): Attribute => value(z.enum(words));
/** one names a model, or writes it down in place. */
export const one = (child: string): Attribute => ({ schema: z.union([model, z.null()]), child });
/** many holds models, a query for them, or a supplier of them. */
export const many = (child: string): Attribute => ({
  schema: z.union([z.array(z.union([model, z.null()])), expression, z.looseObject({}), z.null()]),
  child,
  list: true,
});

/** defineKind describes one kind. */
export const defineKind = (
  name: string,
  parent: string | undefined,
  info: string,
  attributes: Readonly<Record<string, Attribute>> = {},
  aliases: readonly string[] = [],
): Kind => ({ name, ...(parent === undefined ? {} : { parent }), info, aliases, attributes });
