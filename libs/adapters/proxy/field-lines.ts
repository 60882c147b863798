import type { FieldFilter, FieldLines, FieldSink } from './exchange.js';

/** linesFrom has field lines written, and gives them as one text. */
export function linesFrom(write: (out: FieldSink) => void): FieldLines {
  let lines = '';
  write({
    text: (text) => {
      lines += text;
    },
    prepared: (bytes) => {
      lines += bytes.toString('latin1');
    },
    number: (value) => {
      lines += value;
    },
    bits: (value, digits, count) => {
      lines += bitsText(value, digits, count);
    },
  });
  return lines;
}

function bitsText(value: number, digits: Uint8Array, count: number): string {
  let text = '';
  for (let i = 0, rest = value; i < count; i++) {
    text = String.fromCharCode(digits[rest & (digits.length - 1)] as number) + text;
    rest >>>= Math.log2(digits.length);
  }
  return text;
}

/** pairsOf cuts field lines into Node's raw form: name, value, name, value … */
export function pairsOf(lines: FieldLines): string[] {
  const pairs: string[] = [];
  let at = 0;
  while (at < lines.length) {
    const colon = lines.indexOf(': ', at);
    const end = lines.indexOf('\r\n', colon);
    pairs.push(lines.slice(at, colon), lines.slice(colon + 2, end));
    at = end + 2;
  }
  return pairs;
}

const compiled = new WeakMap<FieldFilter, (lowerName: string) => boolean>();

/** dropOf makes a filter into the question whether a name is dropped, once for each filter. */
export function dropOf(filter: FieldFilter): (lowerName: string) => boolean {
  let drop = compiled.get(filter);
  if (!drop) {
    const names = new Set(filter.names);
    const { prefixes } = filter;
    drop = (lowerName) => names.has(lowerName) || prefixes.some((prefix) => lowerName.startsWith(prefix));
    compiled.set(filter, drop);
  }
  return drop;
}
