const parseBytesMax = 64 * 1024;
/** Objects of built-in kinds begin so; those of custom kinds have their members in the order of the alphabet. */
const firstMember = /"metadata":\s*\{\s*"name":\s*"([^"\\]{1,253})"/;

/** createdName reads the name of an object from the first piece of an API server's answer (JSON); undefined when it is not to be found there. */
export function createdName(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString('utf8', start, Math.min(end, start + parseBytesMax));
  return firstMember.exec(text)?.[1] ?? parsedName(text);
}

function parsedName(text: string): string | undefined {
  try {
    const name: unknown = (JSON.parse(text) as { metadata?: { name?: unknown } }).metadata?.name;
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
