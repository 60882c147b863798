import type { RunPlan } from '@nm/kernel/contracts';
import { isTree, secretName, type Tree } from '../secret-names.js';

/** Told of each value that is hidden. `encoded`: it stands there in base64. */
export type OnSecret = (value: string, encoded: boolean) => void;

/** Stands in a plan for a value that nobody is shown. */
const instead = '•••';
/** Headers that carry what lets somebody in. */
const secretHeader = /authorization|cookie|token|secret|password|api-?key/i;

/**
 * hideSecrets gives the plan without the values that are nobody's business: those of Secrets that it writes, of secret variables, of headers,
 * environment variables and members with names of secrets, and what a command reads. It has the same form as before, and is no plan to carry out.
 */
export function hideSecrets(plan: RunPlan, onSecret: OnSecret = () => undefined): RunPlan {
  return mapSteps(plan, new Hiding(onSecret)) as unknown as RunPlan;
}

function mapSteps(holder: unknown, hiding: Hiding): unknown {
  if (!isTree(holder)) return holder;
  const mapped: Record<string, unknown> = { ...holder };
  if (Array.isArray(holder['steps'])) mapped['steps'] = holder['steps'].map((step) => hideInStep(step, hiding));
  return mapped;
}

function hideInStep(found: unknown, hiding: Hiding): unknown {
  if (!isTree(found)) return found;
  const step = hideOwn(mapSteps(found, hiding) as Tree, hiding);
  return {
    ...step,
    ...(Array.isArray(step['undo']) ? { undo: step['undo'].map((one) => hideInStep(one, hiding)) } : {}),
    ...('plan' in step ? { plan: mapSteps(step['plan'], hiding) } : {}),
  };
}

function hideOwn(step: Tree, hiding: Hiding): Tree {
  switch (step['kind']) {
    case 'apply':
      return { ...step, manifests: (step['manifests'] as Tree[]).map((manifest) => hiding.object(manifest)) };
    case 'run-job':
      return { ...step, manifest: hiding.object(step['manifest'] as Tree) };
    case 'patch':
      return { ...step, patch: hiding.object(step['patch'] as Tree, (step['ref'] as Tree)['kind']) };
    case 'variables':
      return hideVariables(step, hiding);
    case 'http-request':
      return {
        ...step,
        ...hiding.members(step, ['headers'], secretHeader),
        ...hiding.members(step, ['body'], secretName),
      };
    case 'run-pod':
      return { ...step, ...hiding.members(step, ['env'], secretName) };
    case 'exec':
      return step['stdin'] === undefined ? step : { ...step, stdin: hiding.all(step['stdin']) };
    default:
      return step;
  }
}

function hideVariables(step: Tree, hiding: Hiding): Tree {
  if (step['secret'] !== true) return { ...step, ...hiding.members(step, ['merge', 'set'], secretName) };
  const hidden = ['merge', 'set'].filter((name) => name in step).map((name) => [name, hiding.all(step[name])]);
  return { ...step, ...Object.fromEntries(hidden) };
}

class Hiding {
  readonly #onSecret: OnSecret;

  constructor(onSecret: OnSecret) {
    this.#onSecret = onSecret;
  }

  /** object hides in a manifest or a patch. */
  object(object: Tree, kind: unknown = object['kind']): Tree {
    const { data, stringData, ...rest } = object;
    const shown = this.#variables(rest) as Tree;
    const isSecret = kind === 'Secret';
    return {
      ...shown,
      ...(data === undefined ? {} : { data: isSecret ? this.all(data, true) : data }),
      ...(stringData === undefined ? {} : { stringData: isSecret ? this.all(stringData) : stringData }),
    };
  }

  /** members hides, in some members of a step, what has a name of a secret. */
  members(step: Tree, names: readonly string[], form: RegExp): Tree {
    return Object.fromEntries(
      names.filter((name) => name in step).map((name) => [name, this.#named(step[name], form)]),
    );
  }

  /** Environment variables are lists of name and value. Members such as `secretName` name an object, and hide nothing. */
  #variables(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#variables(item));
    if (!isTree(value)) return value;
    const { name, value: text } = value;
    if (typeof name === 'string' && typeof text === 'string' && secretName.test(name))
      return { ...value, value: this.all(text) };
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.#variables(member)]));
  }

  /** Texts whose member is called like a secret. */
  #named(value: unknown, form: RegExp): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#named(item, form));
    if (!isTree(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        typeof member === 'string' && form.test(name) ? this.all(member) : this.#named(member, form),
      ]),
    );
  }

  /** all hides every text and number of a value. References stay: they name a step. */
  all(value: unknown, encoded = false): unknown {
    if (Array.isArray(value)) return value.map((item) => this.all(item, encoded));
    if (isTree(value)) {
      if (Object.hasOwn(value, '$from')) return value;
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.all(member, encoded)]));
    }
    if (value === null || typeof value === 'boolean') return value;
    this.#onSecret(String(value), encoded);
    return instead;
  }
}
