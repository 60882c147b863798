import { type Attributes, attributesOf, type CustomModel, kindOf, type Shape } from './custom-model.js';
import { contextOf, type ModelContext, runCode } from './model-context.js';

export interface SupplierDefinition<S extends Shape> {
  /** Name of the kind, as descriptors write it. */
  readonly kind: string;
  readonly info: string;
  readonly attributes: S;
  /** supply gives the value; `output` and `serializer` of the descriptor are applied to it. It must be JSON. */
  readonly supply: (call: { readonly attributes: Attributes<S>; readonly context: ModelContext }) => unknown;
}

/** defineSupplier makes a kind of supplier out of code. */
export const defineSupplier = <S extends Shape>({
  kind,
  info,
  attributes,
  supply,
}: SupplierDefinition<S>): CustomModel => ({
  kind: kindOf(kind, 'Supplier', info, attributes),
  behaviour: {
    compute: async (model) => {
      const given = await attributesOf(model, attributes, false);
      const value = await runCode(model, () => supply({ attributes: given, context: contextOf(model) }));
      return plain(value);
    },
  },
});

/** What code gives is data from here on: no functions, no classes, no promises within. */
const plain = (value: unknown): unknown =>
  value === undefined ? null : (JSON.parse(JSON.stringify(value) ?? 'null') as unknown);
