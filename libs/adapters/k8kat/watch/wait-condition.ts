import { Fault } from '@nm/kernel/fault';
import type { KubeJson } from '../kinds/kube-json.js';
import type { FeatureOf } from '../query/typing.js';
import { readJsonPath } from './json-path.js';

/** A condition as `kubectl wait --for` takes it. `condition=Ready` means `condition=Ready=true`. */
export type KubectlCondition = `condition=${string}` | `jsonpath=${string}` | 'delete';

/** Written as a method, so that a wrapper with more properties stays a wrapper: a test of a pod is never given anything else. */
type Test<R> = { test(resource: R): boolean }['test'];

/**
 * WaitCondition is what may be waited for: a function on the wrapper, what some of its properties shall be, the name of a condition, or
 * kubectl's text.
 */
export type WaitCondition<R> =
  | Test<R>
  | KubectlCondition
  | { readonly condition: string }
  | Partial<Pick<R, FeatureOf<R>>>;

/** A judge of one object; undefined stands for one that is not there. */
export type Judge<R> = (resource: R | undefined) => boolean;

/** judgeOf reads a condition. @throws Fault invalid_query */
export function judgeOf<R extends { readonly raw: KubeJson }>(condition: WaitCondition<R>): Judge<R> {
  if (typeof condition === 'function') return (resource) => resource !== undefined && condition(resource);
  if (typeof condition === 'string') return kubectlJudge(condition);
  if ('condition' in condition && typeof condition.condition === 'string')
    return kubectlJudge(`condition=${condition.condition}`);
  const wanted = Object.entries(condition);
  return (resource) =>
    resource !== undefined && wanted.every(([key, value]) => isSame(resource[key as keyof R], value));
}

/** `CrashLoopBackoff` and `CrashLoopBackOff` are the same to people. */
const isSame = (found: unknown, wanted: unknown): boolean =>
  typeof found === 'string' && typeof wanted === 'string'
    ? found.toLowerCase() === wanted.toLowerCase()
    : found === wanted;

function kubectlJudge<R extends { readonly raw: KubeJson }>(text: string): Judge<R> {
  if (text === 'delete') return (resource) => resource === undefined;
  const [, form, rest = ''] = /^(condition|jsonpath)=(.+)$/s.exec(text) ?? [];
  if (form === 'condition') {
    const [name = '', value = 'true'] = rest.split('=');
    return (resource) => resource !== undefined && hasCondition(resource.raw, name, value);
  }
  if (form === 'jsonpath') return jsonPathJudge(rest);
  throw new Fault('invalid_query', { public: `"${text}" is not a condition; see kubectl wait --for.` });
}

interface WithStatus extends KubeJson {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { type: string; status: string; observedGeneration?: number }[];
  };
}

/** A condition that was judged for an older spec says nothing, as in kubectl. */
function hasCondition(raw: WithStatus, name: string, value: string): boolean {
  const found = raw.status?.conditions?.find(({ type }) => type.toLowerCase() === name.toLowerCase());
  if (!found) return false;
  const observed = found.observedGeneration ?? raw.status?.observedGeneration;
  if (observed !== undefined && observed < (raw.metadata?.generation ?? 0)) return false;
  return found.status.toLowerCase() === value.toLowerCase();
}

/** `jsonpath=PATH=VALUE`, or `jsonpath=PATH` for any value. The path ends with its brace. */
function jsonPathJudge<R extends { readonly raw: KubeJson }>(text: string): Judge<R> {
  const [, path = '', , value] = /^(\{.*\}|[^=]+)(=(.*))?$/s.exec(text) ?? [];
  const wanted = value?.replace(/^"(.*)"$|^'(.*)'$/s, '$1$2');
  readJsonPath({}, path);
  return (resource) => {
    if (resource === undefined) return false;
    const found = readJsonPath(resource.raw, path);
    return wanted === undefined ? found.length > 0 : found.length === 1 && String(found[0]) === wanted;
  };
}
