import { engineFailed, type Manifest, type TemplatingEngine, type Values } from './templating-engine.js';

/** The original's own defaults, but for its name. */
const defaults = { single_secret_name: 'injections', strategy: 'single-secret', b64_enc: true, secrets: {} };
const strategies = ['single-secret', 'multi-secret'];
const keyForm = /^[\w.-]{1,253}$/;
const nameForm = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const base64Form = /^[A-Za-z0-9+/]*={0,2}$/;
const depthMax = 20;

/**
 * secretsEngine turns the tree `secrets` of the values into one Secret (`strategy: single-secret`), or into one for each leaf (`multi-secret`), whose name ends in the leaf's
 * key. Keys are dotted paths. With `b64_enc: false` the values are Base64 already. `type` is the Secrets' own.
 */
export const secretsEngine: TemplatingEngine = {
  defaults: () => Promise.resolve(defaults),
  template: (_ktea, given) => Promise.resolve().then(() => secretsOf({ ...defaults, ...given })),
};

function secretsOf(values: typeof defaults & Values): Manifest[] {
  const { single_secret_name: name, strategy, type } = values;
  if (!strategies.includes(strategy)) throw engineFailed(`"strategy" must be ${strategies.join(' or ')}`);
  const data = Object.fromEntries(leavesOf(values.secrets, [], values.b64_enc));
  const secret = (ofName: string, ofData: Readonly<Record<string, string>>): Manifest => {
    if (!nameForm.test(ofName)) throw engineFailed(`"${ofName}" cannot be the name of a Secret`);
    const typed = typeof type === 'string' && type !== '' ? { type } : {};
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name: ofName }, ...typed, data: ofData };
  };
  const entries = Object.entries(data);
  if (entries.length === 0) return [];
  if (strategy === 'single-secret') return [secret(name, data)];
  return entries.map(([key, value]) => secret(`${name}-${key.toLowerCase().replaceAll('_', '-')}`, { [key]: value }));
}

function leavesOf(value: unknown, path: readonly string[], encode: boolean): [string, string][] {
  const key = path.join('.');
  if (path.length > depthMax) throw engineFailed(`"secrets" is nested more than ${depthMax} deep`);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.entries(value).flatMap(([name, each]) => leavesOf(each, [...path, name], encode));
  if (value === null || value === undefined) return [];
  if (!keyForm.test(key)) throw engineFailed(`"${key}" cannot be a key of a Secret`);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (encode) return [[key, Buffer.from(text).toString('base64')]];
  // The value itself is nobody's business.
  if (!base64Form.test(text)) throw engineFailed(`"secrets.${key}" is no Base64, and "b64_enc" is false`);
  return [[key, text]];
}
