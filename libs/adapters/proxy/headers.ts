/** Field names that belong to one connection and never pass a proxy (RFC 9110 §7.6.1, RFC 9112 §9), lower case. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** A sender may not declare these hop-by-hop: the message would lose its target or its length. */
const neverNominated = new Set(['host', 'content-length', 'close']);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Raw header fields as Node gives and takes them: name, value, name, value … */
export type RawHeaders = readonly string[];

/** splitList cuts a comma list (RFC 9110 §5.6.1) into its lower-case, non-empty elements. */
export const splitList = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');

/** isToken tells whether the text is a token (RFC 9110 §5.6.2), as field names and connection options must be. */
export const isToken = (text: string): boolean => token.test(text);

/** nominated collects the names that the `Connection` fields declare hop-by-hop; undefined when there are none (the usual case). */
function nominated(raw: RawHeaders): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of splitList(raw[i + 1] as string)) {
      if (option === 'keep-alive' || neverNominated.has(option)) continue;
      names ??= new Set();
      names.add(option);
    }
  }
  return names;
}

/**
 * endToEnd copies the fields that may pass: neither hop-by-hop, nor named in `Connection`, nor dropped by the caller.
 * @param drop gets each name in lower case
 * @returns a new array that the caller may append to
 */
export function endToEnd(raw: RawHeaders, drop: (lowerName: string) => boolean): string[] {
  const connectionOnly = nominated(raw);
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || connectionOnly?.has(lower) || drop(lower)) continue;
    kept.push(name, raw[i + 1] as string);
  }
  return kept;
}

/** valuesOf gives every value of one field, in order. @param lowerName in lower case */
export function valuesOf(raw: RawHeaders, lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) values.push(raw[i + 1] as string);
  }
  return values;
}
