import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { isDict, ownOf, put } from '../values/dict.js';
import { type Finding, findingAt, type Place } from './finding.js';
import { bundleLimits } from './limits.js';
import type { SourceMap } from './source-map.js';

/** One document of a file: still anything. */
export interface ParsedDocument {
  readonly value: unknown;
  readonly place: Place;
}

/** Allowance is how many values the whole bundle may still hold. */
export interface Allowance {
  values: number;
  signs: number;
}

class Refused extends Error {
  constructor(readonly finding: Finding) {
    super(finding.message);
  }
}

/** Words that YAML 1.1, which existing descriptors are written in, reads as booleans and YAML 1.2 does not. */
const oldBooleans = new Map([
  ...['yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
]);
const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * parseFile reads the documents of one YAML or JSON file, and notes where everything stands. It never throws: what cannot be read is a finding.
 * Aliases are counted each time that they are used, so a bomb of them is refused by its size.
 */
export function parseFile(
  file: string,
  text: string,
  sources: SourceMap,
  findings: Finding[],
  allowance: Allowance,
): ParsedDocument[] {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const refused = tooMuch(text, allowance);
  if (refused) {
    findings.push(findingAt({ file, line: 1, column: 1 }, 'error', ...refused));
    return [];
  }
  try {
    // Equal keys are found below; the library's own search for them takes quadratic time.
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    const parsed: ParsedDocument[] = [];
    for (const document of Array.isArray(documents) ? documents : []) {
      const reader = new NodeReader(placeAt, sources, findings, allowance);
      for (const error of document.errors)
        findings.push(
          error.message.includes('call stack')
            ? findingAt(placeAt(error.pos[0]), 'error', 'too_deep', deeper)
            : findingAt(placeAt(error.pos[0]), 'error', 'syntax', firstLine(error.message)),
        );
      if (document.errors.length > 0 || document.contents === null) continue;
      const place = placeAt(document.contents.range?.[0] ?? 0);
      if (isScalar(document.contents) && document.contents.value === null) continue;
      parsed.push({ value: reader.read(document.contents, 0), place });
    }
    return parsed;
  } catch (error) {
    findings.push(asFinding(error, file));
    return [];
  }
}

/** Brackets that may be open at once in text of any kind; the library takes quadratic time over them. */
const bracketsMax = 500;

/** tooMuch refuses, at a glance, what would take the library long to read. */
function tooMuch(text: string, allowance: Allowance): [code: 'too_deep' | 'too_many', message: string] | undefined {
  let open = 0;
  let separators = 0;
  let signs = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x5b || code === 0x7b) open += 1;
    else if (code === 0x5d || code === 0x7d) open = Math.max(0, open - 1);
    else if (code === 0x0a && text.startsWith('---', index + 1)) separators += 1;
    if (code === 0x2c || code === 0x0a || code === 0x3a || code === 0x5b || code === 0x7b) signs += 1;
    if (open > bracketsMax) return ['too_deep', `More than ${bracketsMax} brackets are open at once.`];
  }
  const { documents } = bundleLimits;
  allowance.signs -= signs;
  if (allowance.signs < 0)
    return ['too_many', `The bundle holds more than ${bundleLimits.signs} commas, colons, brackets and lines.`];
  return separators > documents ? ['too_many', `The file holds more than ${documents} documents.`] : undefined;
}

const deeper = 'The file is nested too deeply to be read.';

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

function asFinding(error: unknown, file: string): Finding {
  if (error instanceof Refused) return error.finding;
  const top = { file, line: 1, column: 1 };
  if (error instanceof RangeError) return findingAt(top, 'error', 'too_deep', deeper);
  return findingAt(
    top,
    'error',
    'syntax',
    error instanceof Error ? firstLine(error.message) : 'The file cannot be read.',
  );
}

/** Turns the nodes of one document into plain values. */
class NodeReader {
  /** What was read of each anchor; none while it is being read. The library would search and read it again for each alias. */
  private readonly anchors = new Map<string, { value: unknown; values: number; height: number } | undefined>();
  private deepest = 0;

  constructor(
    private readonly placeAt: (offset: number) => Place,
    private readonly sources: SourceMap,
    private readonly findings: Finding[],
    private readonly allowance: Allowance,
  ) {}

  read(node: unknown, depth: number): unknown {
    const place = this.placeAt((node as Node | null)?.range?.[0] ?? 0);
    this.spend(1, depth, place);
    if (isAlias(node)) return this.again(node, depth, place);
    const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
    if (!anchor) return this.readNode(node, depth, place);
    const [valuesBefore, deepestBefore] = [this.allowance.values, this.deepest];
    this.anchors.set(anchor, undefined);
    this.deepest = depth;
    const value = this.readNode(node, depth, place);
    this.anchors.set(anchor, { value, values: valuesBefore - this.allowance.values, height: this.deepest - depth });
    this.deepest = Math.max(this.deepest, deepestBefore);
    return value;
  }

  /** again gives what an alias stands for: the same object, counted as if it were written once more. */
  private again(alias: Alias, depth: number, place: Place): unknown {
    const known = this.anchors.get(alias.source);
    if (known) {
      this.spend(known.values, depth + known.height, place);
      return known.value;
    }
    const why = this.anchors.has(alias.source) ? 'stands within itself' : 'was not written before';
    throw new Refused(findingAt(place, 'error', 'syntax', `The anchor "${alias.source}" ${why}.`));
  }

  private spend(values: number, depth: number, place: Place): void {
    this.allowance.values -= values;
    this.deepest = Math.max(this.deepest, depth);
    if (this.allowance.values < 0)
      throw new Refused(
        findingAt(
          place,
          'error',
          'alias_bomb',
          `The bundle holds more than ${bundleLimits.values} values, uses of aliases included.`,
        ),
      );
    if (depth > bundleLimits.depth)
      throw new Refused(findingAt(place, 'error', 'too_deep', `Nested deeper than ${bundleLimits.depth} levels.`));
  }

  private readNode(node: unknown, depth: number, place: Place): unknown {
    if (isMap(node)) return this.readMap(node, place, depth);
    if (!isSeq(node)) return isScalar(node) ? this.readScalar(node, place) : null;
    const list: unknown[] = [];
    this.sources.add(list, place);
    node.items.forEach((item, index) => {
      this.sources.addMember(list, index, this.placeAt((item as Node | null)?.range?.[0] ?? 0));
      list.push(this.read(item, depth + 1));
    });
    return Object.freeze(list);
  }

  private readMap(node: YAMLMap, place: Place, depth: number): object {
    const dict: Record<string, unknown> = {};
    if (node.items.length > bundleLimits.members)
      throw new Refused(
        findingAt(place, 'error', 'too_many', `An object has more than ${bundleLimits.members} members.`),
      );
    this.sources.add(dict, place);
    const merged: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const keyPlace = this.placeAt((key as Node | null)?.range?.[0] ?? 0);
      const name = isScalar(key) ? String((key as Scalar).source ?? key.value) : undefined;
      if (name === undefined || forbiddenNames.has(name))
        throw new Refused(
          findingAt(keyPlace, 'error', 'forbidden_name', `${name ?? 'A list or object'} cannot be a name here.`),
        );
      if (name === '<<') {
        for (const part of [this.read(value, depth + 1)].flat())
          if (isDict(part))
            for (const [inner, each] of Object.entries(part))
              if (ownOf(merged, inner) === undefined) put(merged, inner, each);
        continue;
      }
      if (Object.hasOwn(dict, name))
        this.findings.push(findingAt(keyPlace, 'error', 'syntax', `"${name}" is written twice in one object.`));
      this.sources.addMember(
        dict,
        name,
        this.placeAt((value as Node | null)?.range?.[0] ?? (key as Node).range?.[0] ?? 0),
      );
      put(dict, name, this.read(value, depth + 1));
    }
    for (const [name, each] of Object.entries(merged)) if (!Object.hasOwn(dict, name)) put(dict, name, each);
    return Object.freeze(dict);
  }

  private readScalar(node: Scalar, place: Place): unknown {
    const { value, source } = node;
    const plain = node.type === Scalar.PLAIN;
    const old = plain && source !== undefined ? oldBooleans.get(source) : undefined;
    if (old !== undefined) {
      const message = `${source} without quotes is read as ${old}, as YAML 1.1 does.`;
      this.findings.push(findingAt(place, 'warning', 'ambiguous_scalar', message, `Write ${old} or "${source}".`));
      return old;
    }
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'number' && !Number.isFinite(value)) return source ?? String(value);
    return value instanceof Uint8Array || typeof value === 'object' ? (value === null ? null : String(source)) : value;
  }
}
