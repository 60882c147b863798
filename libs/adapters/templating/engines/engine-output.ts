import { parseAllDocuments } from 'yaml';
import { engineFailed, type Manifest, type Values } from './templating-engine.js';

const documentsMax = 500;
/** Anchors repeated more often than this make a small text large. */
const aliasesMax = 20;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** manifestsOfText reads the manifests in YAML of any number of documents; empty ones don't count. @throws Fault template_failed, with the line */
export function manifestsOfText(text: string, who: string): Manifest[] {
  return documentsOf(text, who).flatMap((value) => {
    if (value === null || value === undefined) return [];
    return manifestsOf([value], who);
  });
}

/** manifestsOf checks that a value is a list of manifests. @throws Fault template_failed */
export function manifestsOf(value: unknown, who: string): Manifest[] {
  if (!Array.isArray(value)) throw engineFailed(`${who} gave no list of manifests`);
  if (value.length > documentsMax) throw engineFailed(`${who} gave more than ${documentsMax} manifests`);
  return value.flatMap((each: unknown, index): Manifest[] => {
    const { apiVersion, kind, metadata, items } = isObject(each) ? each : {};
    if (kind === 'List' && Array.isArray(items)) return manifestsOf(items, who);
    const named = isObject(metadata) && typeof metadata['name'] === 'string';
    if (typeof apiVersion === 'string' && typeof kind === 'string' && named) return [each as Manifest];
    throw engineFailed(
      `document ${index + 1} of ${who} is no manifest: it needs "apiVersion", "kind" and "metadata.name"`,
    );
  });
}

/** valuesOfText reads one object out of YAML; empty text is an empty object. @throws Fault template_failed */
export function valuesOfText(text: string, who: string): Values {
  const [value = {}] = documentsOf(text, who);
  return valuesOf(value ?? {}, who);
}

/** valuesOf checks that a value is an object. @throws Fault template_failed */
export function valuesOf(value: unknown, who: string): Values {
  if (isObject(value)) return value;
  throw engineFailed(`${who} gave no object of values`);
}

function documentsOf(text: string, who: string): unknown[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  if (documents.length > documentsMax) throw engineFailed(`${who} gave more than ${documentsMax} documents`);
  return documents.map((document) => {
    const [fault] = document.errors;
    if (fault) throw engineFailed(`${who} gave text that is no YAML: ${fault.message.split('\n', 1)[0]}`);
    try {
      return document.toJS({ maxAliasCount: aliasesMax }) as unknown;
    } catch (cause) {
      throw engineFailed(`${who} gave YAML that cannot be read: ${(cause as Error).message}`, cause);
    }
  });
}
