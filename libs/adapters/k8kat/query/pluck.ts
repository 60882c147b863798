/** Properties of a wrapper that metadata alone tells. */
const metadataFeatures = new Set([
  'name',
  'ns',
  'uid',
  'kind',
  'apiVersion',
  'labels',
  'annotations',
  'createdAt',
  'age',
  'ageMs',
  'owner',
  'owners',
  'isBeingDeleted',
]);

/** isMetadataFeature tells whether a property can be read from a PartialObjectMetadata. */
export const isMetadataFeature = (name: string): boolean => metadataFeatures.has(name);

/** prettyLine writes an object on one line: `<name: v1 | v2>`. */
export function prettyLine<R extends { readonly name: string }>(one: R, features: readonly (keyof R)[]): string {
  const values = features.map((feature) => text(one[feature])).join(' | ');
  return values ? `<${one.name}: ${values}>` : `<${one.name}>`;
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
