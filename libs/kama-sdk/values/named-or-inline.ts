/** namedOrInline reads an id of a path: a plain one, or a descriptor as base64 of JSON. */
export function namedOrInline(text: string): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // A plain id.
  }
  return text;
}
