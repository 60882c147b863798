/** patchOf reads what a client adds to a view, base64 of a JSON object; anything else adds nothing, as in the original. It is data, never a program. */
export function patchOf({ b64_enc_data: text }: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
