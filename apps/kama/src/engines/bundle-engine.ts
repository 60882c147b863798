import type { TemplateWorkers } from '@nm/adapters/templating';
import type { Bundle, TemplatingEngine } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import { parseAllDocuments } from 'yaml';

/** Engines of this type are Jinja templates among the bundle's assets: `uri` names the template, `args.values` the file with the defaults. */
export const bundleEngineType = 'jinja';
const defaultsName = 'values.yaml';
const documentsMax = 200;

type Ktea = Parameters<TemplatingEngine['defaults']>[0];
type Manifests = Awaited<ReturnType<TemplatingEngine['template']>>;

/** bundleEngine makes manifests out of the bundle's own templates; nothing of them runs as code. */
export const bundleEngine = (
  bundle: Bundle,
  jinja: Pick<TemplateWorkers, 'jinja'>,
  tenant: string,
): TemplatingEngine => ({
  defaults: async (ktea) => {
    need(ktea);
    return bundleDefaults(bundle);
  },
  template: async (ktea, values) => {
    const name = need(ktea);
    const text = bundle.asset(name, undefined);
    if (text === undefined) throw failed(`the bundle has no asset "${name}"`);
    return manifestsOf(await jinja.jinja(text, values, { tenant }), name);
  },
});

/** bundleDefaults are the variables of the lowest level, as the publisher ships them. */
export function bundleDefaults(bundle: Bundle): Record<string, unknown> {
  const text = bundle.asset(defaultsName, undefined);
  if (text === undefined) return {};
  const [document] = parseAllDocuments(text, { uniqueKeys: true });
  const value: unknown = document && 'toJS' in document ? document.toJS({ maxAliasCount: 20 }) : {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failed(`${defaultsName} is not an object`);
  return value as Record<string, unknown>;
}

function need(ktea: Ktea): string {
  const { type, uri } = ktea;
  if (type !== bundleEngineType || typeof uri !== 'string')
    throw failed(
      `engines of type "${String(type)}" cannot be reached from here; this server knows "${bundleEngineType}"`,
    );
  return uri;
}

function manifestsOf(text: string, name: string): Manifests {
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  if (documents.length > documentsMax) throw failed(`${name} gave more than ${documentsMax} documents`);
  return documents.flatMap((document) => {
    const [fault] = document.errors;
    if (fault) throw failed(`${name} gave text that is no YAML: ${fault.message.split('\n', 1)[0]}`);
    const value: unknown = document.toJS({ maxAliasCount: 20 });
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [value as Manifests[number]] : [];
  });
}

const failed = (what: string): Fault =>
  new Fault('template_failed', { public: `The templates of this app failed: ${what}.` });
