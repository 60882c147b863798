import type { z } from 'zod';
import type { ActionRule } from '../actions/planning.js';
import type { Bundle } from '../descriptors/bundle.js';
import { type Attribute, defineKind, type Kind, written } from '../kinds/define-kind.js';
import { type Behaviour, isModel, type ModelView } from '../resolve/model-view.js';

/** Shape names the attributes of a custom kind, each with its zod schema. */
export type Shape = Readonly<Record<string, z.ZodType>>;
/** Attributes are what the code of a custom kind is given: resolved, checked, typed by the schemas. */
export type Attributes<S extends Shape> = { readonly [name in keyof S]: z.output<S[name]> };

/** VirtualEngine is a templating engine that is code of the publisher; a `ktea` of type `virtual` names it as its `uri`. */
export interface VirtualEngine {
  defaults(): Promise<Record<string, unknown>> | Record<string, unknown>;
  template(request: {
    readonly values: Readonly<Record<string, unknown>>;
    /** Of the release that a template may name things after: the install's namespace. */
    readonly release: string;
    readonly version: string | undefined;
    readonly signal: AbortSignal;
  }): Promise<readonly object[]> | readonly object[];
  preset?(name: string): Promise<Record<string, unknown>> | Record<string, unknown>;
}

/** CustomModel is a kind of a publisher's own with the code behind it, or an engine. */
export interface CustomModel {
  readonly kind?: Kind;
  readonly behaviour?: Behaviour;
  readonly rule?: ActionRule;
  readonly engine?: { readonly name: string; readonly engine: VirtualEngine };
}

/** CustomModels are those of one app, by name. */
export interface CustomModels {
  readonly kinds: readonly Kind[];
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  readonly rules: Readonly<Record<string, ActionRule>>;
  readonly engines: Readonly<Record<string, VirtualEngine>>;
}

/** modelsOf gives the models that a bundle was compiled with. */
export const modelsOf = ({ code }: Bundle): Omit<CustomModels, 'kinds'> => code as Omit<CustomModels, 'kinds'>;

/** collectModels puts the models of an app in order. */
export function collectModels(models: readonly CustomModel[]): CustomModels {
  const named = <T>(pick: (model: CustomModel) => T | undefined): Record<string, T> =>
    Object.fromEntries(
      models.flatMap((model) => {
        const value = pick(model);
        return model.kind && value !== undefined ? [[model.kind.name, value]] : [];
      }),
    );
  return {
    kinds: models.flatMap(({ kind }) => kind ?? []),
    behaviours: named(({ behaviour }) => behaviour),
    rules: named(({ rule }) => rule),
    engines: Object.fromEntries(models.flatMap(({ engine }) => (engine ? [[engine.name, engine.engine]] : []))),
  };
}

/** kindOf describes a custom kind: what may be written for each attribute follows from its schema. */
export const kindOf = (name: string, parent: string, info: string, shape: Shape): Kind =>
  defineKind(
    name,
    parent,
    info,
    Object.fromEntries(
      Object.entries(shape).map(([attribute, schema]): [string, Attribute] => [attribute, written(schema)]),
    ),
  );

const depth = 48;

/**
 * attributesOf resolves the attributes of a model and holds them to their schemas.
 * @param lookback whether parents are asked for what the model lacks
 * @throws Fault descriptor_failed, with file and line of the attribute that does not suit
 */
export async function attributesOf<S extends Shape>(
  model: ModelView,
  shape: S,
  lookback: boolean,
): Promise<Attributes<S>> {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const resolved = await model.attr(name, { depth, lookback });
    const parsed = await schema.safeParseAsync(isModel(resolved) ? await resolved.supply() : (resolved ?? undefined));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const at = issue?.path.length ? `${issue.path.join('.')}: ` : '';
      throw model.failed(name, `${at}${issue?.message ?? 'the value does not suit'}.`);
    }
    values[name] = parsed.data;
  }
  return values as Attributes<S>;
}
