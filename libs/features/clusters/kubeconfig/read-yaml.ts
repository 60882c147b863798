import { isNode, parseDocument, visit } from 'yaml';

/** A reading that failed, with the sentence for the user. */
export interface ReadFailure {
  readonly failure: string;
}

const depthMax = 12;
const nodesMax = 5_000;
/** What YAML itself means by a plain scalar, list or map; every other tag asks for a type of somebody's program. */
const plainTags = new Set(
  ['map', 'seq', 'str', 'null', 'bool', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`),
);

/**
 * readYaml reads one YAML (or JSON) document of plain values under limits: no aliases, no tags, no second document, bounded depth and count.
 * It only ever parses: nothing in the text can open a file or start a program.
 */
export function readYaml(text: string, charsMax: number): { readonly value: unknown } | ReadFailure {
  if (text.length > charsMax) return { failure: `it is longer than ${charsMax} characters` };
  // The parser is recursive, so depth is bounded before it runs: indentation cannot nest deeper than its columns.
  if (nestingOf(text) > depthMax * 4) return { failure: 'it is nested too deeply' };
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: true,
      resolveKnownTags: false,
      logLevel: 'error',
    });
    const [error] = document.errors;
    if (error?.code === 'MULTIPLE_DOCS') return { failure: 'it holds more than one document' };
    if (error) return { failure: firstLine(error.message) };
    const limit = checkNodes(document);
    if (limit) return { failure: limit };
    const [warning] = document.warnings;
    if (warning) return { failure: firstLine(warning.message) };
    return { value: document.toJS({ maxAliasCount: 0 }) as unknown };
  } catch (error) {
    return { failure: error instanceof RangeError ? 'it is nested too deeply' : firstLine((error as Error).message) };
  }
}

function checkNodes(document: ReturnType<typeof parseDocument>): string | undefined {
  let nodes = 0;
  let failure: string | undefined;
  visit(document, (_key, node, path) => {
    if (!isNode(node)) return;
    nodes++;
    if (nodes > nodesMax) failure = `it holds more than ${nodesMax} values`;
    // A pair counts as a level of its own in the path.
    else if (path.length > depthMax * 2) failure = 'it is nested too deeply';
    else if ('source' in node && !('value' in node)) failure = 'aliases are not used here';
    else if ('tag' in node && node.tag !== undefined && !plainTags.has(node.tag))
      failure = `the tag ${node.tag} is not allowed`;
    return failure ? visit.BREAK : undefined;
  });
  return failure;
}

/** nestingOf bounds the depth of flow collections and of `- - -` and `? ? ?` chains from above, in one pass. */
function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth);
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  for (const [chain] of text.matchAll(/(?:[-?:] ){3,}/g)) deepest = Math.max(deepest, chain.length / 2);
  return deepest;
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').replace(/:?\s*$/, '').slice(0, 300);
