import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { ChangedField } from '@nm/kernel/contracts';
import { isTree, secretName, type Tree } from '../secret-names.js';
import { substance } from '../steps/fenced-write.js';

/** Stands for a value that nobody is shown. */
export const hidden = '(hidden)';

const fieldsMax = 50;
const valueCharsMax = 2_000;
/** What kubectl keeps of a whole object, the values of a Secret included. */
const appliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

export interface Diff {
  readonly fields: readonly ChangedField[];
  /** There are more fields, or a value was longer than is kept. */
  readonly truncated: boolean;
}

/**
 * diffObjects lists what is different between two states of an object, without what changes by itself (status, versions, our own stamps).
 * Values of Secrets, and of environment variables with names of secrets, are hidden: that they changed is told, not to what.
 */
export function diffObjects(before: KubeObject | undefined, after: KubeObject | undefined): Diff {
  const kind = (after ?? before)?.kind;
  const fields: ChangedField[] = [];
  let truncated = false;
  const keep = (path: string, from: unknown, to: unknown): void => {
    if (fields.length >= fieldsMax) {
      truncated = true;
      return;
    }
    const shown = [from, to].map((value) => short(maskValue(value, path, kind)));
    truncated ||= shown.some((value) => value?.cut);
    const [was, is] = shown;
    fields.push({ path, ...(was ? { from: was.value } : {}), ...(is ? { to: is.value } : {}) });
  };
  const walk = (from: unknown, to: unknown, path: string): void => {
    if (isDeepStrictEqual(from, to)) return;
    if (!isTree(from) || !isTree(to)) keep(path, from, to);
    else
      for (const name of new Set([...Object.keys(from), ...Object.keys(to)]))
        walk(from[name], to[name], `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  };
  walk(comparable(before), comparable(after), '');
  return { fields, truncated };
}

/** maskObject is an object whose secret values are hidden, for keeping. */
export function maskObject(object: KubeObject): KubeObject {
  return maskValue(comparable(object), '', object.kind) as KubeObject;
}

function comparable(object: KubeObject | undefined): Tree {
  if (!object) return {};
  const { metadata, ...rest } = substance(object);
  const { uid: _u, creationTimestamp: _c, annotations, ...kept } = metadata ?? {};
  const { [appliedAnnotation]: _a, ...others } = annotations ?? {};
  return { ...rest, metadata: { ...kept, ...(Object.keys(others).length ? { annotations: others } : {}) } };
}

function maskValue(value: unknown, path: string, kind: string | undefined): unknown {
  if (value === undefined) return undefined;
  const isSecretData = kind === 'Secret' && /^\/(data|stringData)\b/.test(path);
  if (Array.isArray(value)) return value.map((item, i) => maskItem(item, `${path}/${i}`, kind));
  if (isTree(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, maskValue(member, `${path}/${name}`, kind)]),
    );
  return isSecretData ? hidden : value;
}

/** Environment variables are lists of name and value. */
function maskItem(item: unknown, path: string, kind: string | undefined): unknown {
  const masked = maskValue(item, path, kind);
  if (!isTree(masked) || typeof masked['name'] !== 'string' || typeof masked['value'] !== 'string') return masked;
  return secretName.test(masked['name']) ? { ...masked, value: hidden } : masked;
}

function short(value: unknown): { readonly value: unknown; readonly cut: boolean } | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length <= valueCharsMax
    ? { value, cut: false }
    : { value: `${text.slice(0, valueCharsMax)}…`, cut: true };
}
