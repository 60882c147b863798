import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { actionKinds } from './action-kinds.js';
import type { Attribute, Kind } from './define-kind.js';
import { modelKinds } from './model-kinds.js';
import { supplierKinds } from './supplier-kinds.js';

/** KindTable knows every kind, which kind is below which, and what each accepts. */
export class KindTable {
  readonly #kinds = new Map<string, Kind>();
  readonly #aliases = new Map<string, string>();
  readonly #schemas = new Map<string, z.ZodType>();

  /** @throws Fault bundle_invalid when a kind is there twice, or its parent is not */
  constructor(kinds: readonly Kind[] = [...modelKinds, ...supplierKinds, ...actionKinds]) {
    for (const kind of kinds) {
      if (this.#kinds.has(kind.name)) throw invalid(`There are two kinds "${kind.name}".`);
      if (kind.parent !== undefined && !this.#kinds.has(kind.parent))
        throw invalid(`The parent "${kind.parent}" of the kind "${kind.name}" is unknown.`);
      this.#kinds.set(kind.name, kind);
      for (const alias of kind.aliases) this.#aliases.set(alias, kind.name);
    }
  }

  /** with adds kinds of a publisher's own. */
  with(kinds: readonly Kind[]): KindTable {
    return kinds.length === 0 ? this : new KindTable([...this.#kinds.values(), ...kinds]);
  }

  find(name: string): Kind | undefined {
    return this.#kinds.get(this.#aliases.get(name) ?? name);
  }

  names(): string[] {
    return [...this.#kinds.keys(), ...this.#aliases.keys()];
  }

  /** lineage is a kind and those above it, nearest first. */
  lineage(name: string): readonly Kind[] {
    const kinds: Kind[] = [];
    for (let kind = this.find(name); kind; kind = kind.parent === undefined ? undefined : this.find(kind.parent))
      kinds.push(kind);
    return kinds;
  }

  /** isA tells whether a kind is another, or below it. */
  isA(name: string, base: string): boolean {
    const wanted = this.find(base)?.name;
    return wanted !== undefined && this.lineage(name).some((kind) => kind.name === wanted);
  }

  /** attributesOf gives what a kind accepts, its parents' included. */
  attributesOf(name: string): Readonly<Record<string, Attribute>> {
    return Object.assign(
      {},
      ...this.lineage(name)
        .toReversed()
        .map((kind) => kind.attributes),
    );
  }

  /** schemaOf is the zod schema of a kind. Attributes that it doesn't name are allowed: children read them by lookback. */
  schemaOf(name: string): z.ZodType {
    const kind = this.find(name);
    const key = kind?.name ?? 'Model';
    let schema = this.#schemas.get(key);
    if (!schema) {
      const shape = Object.entries(this.attributesOf(key)).map(([attribute, { schema: each }]) => [
        attribute,
        each.optional(),
      ]);
      schema = z.looseObject(Object.fromEntries(shape)).meta({ title: key, description: kind?.info ?? '' });
      this.#schemas.set(key, schema);
    }
    return schema;
  }

  /** jsonSchema describes every kind for editors: one schema that chooses by "kind". */
  jsonSchema(): Record<string, unknown> {
    const kinds = [...this.#kinds.values()];
    const definitions = kinds.map((kind) => {
      const { $schema: _, ...schema } = z.toJSONSchema(this.schemaOf(kind.name), { unrepresentable: 'any' });
      return [kind.name, schema] as const;
    });
    return {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'KAMA descriptor',
      type: 'object',
      required: ['kind', 'id'],
      properties: { kind: { enum: this.names() }, id: { type: 'string', minLength: 1 } },
      allOf: kinds.map(({ name, aliases }) => ({
        if: { properties: { kind: { enum: [name, ...aliases] } }, required: ['kind'] },
        // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema.
        then: { $ref: `#/$defs/${name}` },
      })),
      $defs: Object.fromEntries(definitions),
    };
  }
}

const invalid = (message: string): Fault => new Fault('bundle_invalid', { public: message, extra: { findings: [] } });
