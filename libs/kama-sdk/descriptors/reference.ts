/** Where a reference begins. */
export type Head =
  | { readonly type: 'self' | 'parent' | 'ns' }
  | { readonly type: 'id' | 'kind'; readonly name: string; readonly lazy: boolean };

/** `->` is jq, `=>` a path of members, `>>` an attribute of a model. */
export type Serializer = 'jq' | 'native' | 'attr';
export interface ReferenceStep {
  readonly by: Serializer;
  readonly text: string;
}

/** Reference is a "get::…" taken apart. */
export interface Reference {
  readonly head: Head;
  readonly steps: readonly ReferenceStep[];
}

export const getPrefix = 'get::';
export const inflatePrefix = 'inflate::';
export const assetsPrefix = 'assets::';
export const idPrefix = 'id::';
export const kindPrefix = 'kind::';
export const exprPrefix = 'expr::';
export const splat = '...';

const symbols: Readonly<Record<string, Serializer>> = { '>>': 'attr', '->': 'jq', '=>': 'native' };
const symbol = />>|->|=>/;

/** parseReference takes what stands behind "get::" apart. */
export function parseReference(expression: string): Reference {
  const steps: ReferenceStep[] = [];
  const first = symbol.exec(expression);
  if (!first) return { head: headOf(expression.trim()), steps };
  const head = headOf(expression.slice(0, first.index).trim());
  let rest = expression.slice(first.index);
  while (rest.length > 0) {
    const by = symbols[rest.slice(0, 2)] ?? 'jq';
    const body = rest.slice(2);
    const next = symbol.exec(body);
    steps.push({ by, text: (next ? body.slice(0, next.index) : body).trim() });
    rest = next ? body.slice(next.index) : '';
  }
  return { head, steps };
}

function headOf(text: string): Head {
  if (text === 'self' || text === 'props') return { type: 'self' };
  if (text === 'parent' || text === 'ns') return { type: text };
  const lazy = text.startsWith('&');
  const name = lazy ? text.slice(1) : text;
  if (name.startsWith(idPrefix)) return { type: 'id', name: name.slice(idPrefix.length), lazy };
  if (name.startsWith(kindPrefix)) return { type: 'kind', name: name.slice(kindPrefix.length), lazy };
  return { type: 'id', name, lazy };
}

/** A part of text: as it is, or an expression that was within `${…}`. */
export type TextPart = { readonly literal: string } | { readonly expression: string };

/** splitInterpolation takes text with `${…}` apart; braces within an expression may be nested. */
export function splitInterpolation(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', from)) {
    const end = closingBrace(text, start + 2);
    if (end < 0) break;
    if (start > from) parts.push({ literal: text.slice(from, start) });
    parts.push({ expression: text.slice(start + 2, end) });
    from = end + 1;
  }
  if (from < text.length) parts.push({ literal: text.slice(from) });
  return parts;
}

function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let index = from; index < text.length; index += 1) {
    if (text[index] === '{') open += 1;
    if (text[index] === '}') open -= 1;
    if (open === 0) return index;
  }
  return -1;
}

/** A mention of a model, a kind or an asset in text. */
export interface Mention {
  readonly type: 'id' | 'kind' | 'asset';
  readonly name: string;
  /** Its value is worked out when the text is read; otherwise it is only named. */
  readonly evaluated: boolean;
}

/** mentionsIn finds what a text of a descriptor names. Names that are put together at run time are left out. */
export function mentionsIn(text: string): Mention[] {
  const bare = text.startsWith(splat) ? text.slice(splat.length) : text;
  const inner = splitInterpolation(bare).flatMap((part) => ('expression' in part ? mentionsIn(part.expression) : []));
  return [...outerMentions(bare), ...inner].filter(({ name }) => name !== '' && !name.includes('${'));
}

function outerMentions(text: string): Mention[] {
  if (text.startsWith(getPrefix)) {
    const { head } = parseReference(text.slice(getPrefix.length));
    return 'name' in head ? [{ type: head.type, name: head.name, evaluated: !head.lazy }] : [];
  }
  if (text.startsWith(inflatePrefix)) return plainMention(text.slice(inflatePrefix.length));
  if (text.startsWith(assetsPrefix)) return [{ type: 'asset', name: text.slice(assetsPrefix.length), evaluated: true }];
  return text.startsWith(idPrefix) || text.startsWith(kindPrefix) ? plainMention(text) : [];
}

function plainMention(text: string): Mention[] {
  if (text.startsWith(exprPrefix)) return [];
  if (text.startsWith(kindPrefix)) return [{ type: 'kind', name: text.slice(kindPrefix.length), evaluated: false }];
  const name = text.startsWith(idPrefix) ? text.slice(idPrefix.length) : text;
  return [{ type: 'id', name, evaluated: false }];
}
