import { Fault, isFault } from '@nm/kernel/fault';
import { appSpace } from '../descriptors/bundle-files.js';
import { exprPrefix, idPrefix, kindPrefix } from '../descriptors/reference.js';
import { type Dict, deepMerge, isDict, ownOf } from '../values/dict.js';
import { placed, type Standing } from './budget.js';
import {
  type AttributeOptions,
  type ChildOptions,
  type EvaluationView,
  isModel,
  type ModelView,
  modelBrand,
} from './model-view.js';
import { resolveList, resolveValue } from './resolve-value.js';
import { supply } from './supply.js';

/** Core is a model itself; handles of it differ in how they came there. */
interface Core {
  readonly kind: string;
  readonly config: Dict;
  /** Data of the moment: a value that somebody typed, what an action gave. It is never interpreted. */
  readonly given: Record<string, unknown>;
  /** The same, where the descriptor says nothing. */
  readonly backup: Dict;
  readonly parent: Core | undefined;
  readonly cache: Map<string, unknown>;
}

/** Frame is one attribute being resolved, and for whom. */
interface Frame {
  readonly core: Core;
  readonly key: string;
  readonly outer: Frame | undefined;
  readonly depth: number;
}

const switches = {
  _no_cache_: 'cache',
  _no_redefine_: 'redefine',
  _no_virtual_: 'computed',
  _no_lookback_: 'lookback',
} as const;

type Skipped = (typeof switches)[keyof typeof switches];

/**
 * Model is a descriptor at work, within one evaluation. Attributes are looked up in this order: what is cached, `redefine`, what the kind computes, data of
 * the moment, the descriptor itself, its `cache`, then the parents.
 */
export class Model implements ModelView {
  readonly [modelBrand] = true;

  private constructor(
    readonly evaluation: EvaluationView,
    private readonly core: Core,
    private readonly frame: Frame | undefined,
  ) {}

  /** of makes a model of a config that has been expanded. */
  static of(evaluation: EvaluationView, config: Dict, kind: string, parent?: Model, options: ChildOptions = {}): Model {
    const core: Core = {
      kind,
      config,
      given: options.given ?? {},
      backup: options.backup ?? {},
      parent: parent?.core,
      cache: new Map(),
    };
    return new Model(evaluation, core, parent?.frame);
  }

  get kind(): string {
    return this.core.kind;
  }

  get id(): string | undefined {
    const id = ownOf(this.core.config, 'id');
    return typeof id === 'string' ? id : undefined;
  }

  get config(): Dict {
    return this.core.config;
  }

  get parent(): Model | undefined {
    return this.core.parent && new Model(this.evaluation, this.core.parent, this.frame);
  }

  get space(): string | undefined {
    for (let core: Core | undefined = this.core; core; core = core.parent) {
      const space = ownOf(core.config, 'space');
      if (typeof space === 'string') return space;
    }
    return undefined;
  }

  /** configSpace is where variables are read and written: its own word, its parents', its space, or the app. */
  get configSpace(): string {
    for (let core: Core | undefined = this.core; core; core = core.parent) {
      const space = ownOf(core.given, 'config_space') ?? ownOf(core.config, 'config_space');
      if (typeof space === 'string' && space !== '') return space;
    }
    return this.space ?? appSpace;
  }

  isA(kind: string): boolean {
    return this.evaluation.bundle.kinds.isA(this.kind, kind);
  }

  /** give sets data of the moment, for this model and those below it. */
  give(data: Record<string, unknown>): void {
    Object.assign(this.core.given, data);
    this.core.cache.clear();
  }

  /** attr resolves an attribute; null when there is none. */
  async attr(key: string, options: AttributeOptions = {}): Promise<unknown> {
    const skip = new Set<Skipped>(options.lookback === false ? ['lookback'] : []);
    let name = key;
    for (const [prefix, what] of Object.entries(switches))
      if (name === key && key.startsWith(prefix)) {
        skip.add(what);
        name = key.slice(prefix.length);
      }
    const here = this.entering(key);
    const turn = this.evaluation.parts.budget.pause();
    if (turn) await turn;
    return here.lookUp(name, skip, options.depth ?? 0);
  }

  /** own is `attr` without the parents. */
  own(key: string, options: AttributeOptions = {}): Promise<unknown> {
    return this.attr(key, { ...options, lookback: false });
  }

  /** text is an attribute of its own that is text, or null. */
  async text(key: string): Promise<string | null> {
    const value = await this.own(key);
    return value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
  }

  private entering(key: string): Model {
    const { budget } = this.evaluation.parts;
    const depth = (this.frame?.depth ?? 0) + 1;
    for (let frame = this.frame; frame; frame = frame.outer)
      if (frame.core === this.core && frame.key === key)
        throw new Fault('descriptor_failed', {
          public: `The value of ${placed(this.standing(key))} needs itself.`,
          extra: { ...this.standing(key) },
        });
    budget.step(depth, () => this.standing(key));
    return new Model(this.evaluation, this.core, { core: this.core, key, outer: this.frame, depth });
  }

  private async lookUp(name: string, skip: ReadonlySet<Skipped>, depth: number): Promise<unknown> {
    const { config, cache, given, backup } = this.core;
    if (!skip.has('cache') && cache.has(name)) return cache.get(name);
    const redefine = ownOf(config, 'redefine');
    if (!skip.has('redefine') && isDict(redefine) && Object.hasOwn(redefine, name))
      return this.keep(name, await this.interpret(redefine[name], depth));
    const computed = this.evaluation.parts.behaviours.of(this.kind).computed?.[name];
    if (!skip.has('computed') && computed) {
      const value = await computed.get(this);
      if (computed.cached) cache.set(name, value);
      return this.keep(name, value);
    }
    if (Object.hasOwn(given, name)) return given[name];
    if (Object.hasOwn(config, name)) return this.keep(name, await this.interpret(config[name], depth));
    if (Object.hasOwn(backup, name)) return backup[name];
    const cached = this.cacheSpec();
    if (Object.hasOwn(cached, name)) return this.keep(name, await this.interpret(cached[name], depth));
    if (skip.has('lookback') || !this.parent) return null;
    return this.parent.attr(name, { depth });
  }

  /** interpret resolves what stands in a descriptor; a model that was made of data is data all through. */
  private async interpret(value: unknown, depth: number): Promise<unknown> {
    return this.evaluation.bundle.sources.isDescriptor(this.core.config) ? this.resolve(value, depth) : (value ?? null);
  }

  private cacheSpec(): Dict {
    const spec = ownOf(this.core.config, 'cache') ?? ownOf(this.core.config, 'cached');
    return isDict(spec) ? spec : {};
  }

  private keep(name: string, value: unknown): unknown {
    if (Object.hasOwn(this.cacheSpec(), name)) this.core.cache.set(name, value);
    return value;
  }

  /** has tells whether the model itself says something about an attribute. */
  has(name: string): boolean {
    return Object.hasOwn(this.core.config, name) || Object.hasOwn(this.core.given, name);
  }

  /** raw is what the descriptor itself says, as it was written. */
  raw(name: string): unknown {
    return ownOf(this.core.config, name);
  }

  /** resolve interprets a value of the descriptor on behalf of this model. */
  resolve(value: unknown, depth = 0): Promise<unknown> {
    return resolveValue(this, value, depth);
  }

  /** child makes a model of a reference, or of a config written in place. None when it names nothing. @throws Fault descriptor_failed */
  async child(reference: unknown, expected: string, options: ChildOptions = {}): Promise<ModelView | undefined> {
    const { bundle } = this.evaluation;
    if (isModel(reference)) return reference;
    const config = typeof reference === 'string' ? this.named(reference, expected) : reference;
    if (!isDict(config)) return undefined;
    const expanded = bundle.expand(config, expected);
    if (!expanded) return undefined;
    const kind = this.kindOf(expanded, expected);
    return Model.of(this.evaluation, expanded, kind, this, options);
  }

  /** childOf is the child that an attribute holds. The attribute may be computed. */
  async childOf(attribute: string, expected: string, options: ChildOptions = {}): Promise<ModelView | undefined> {
    const raw = this.raw(attribute);
    if (isDict(raw) && !this.isComputed(raw)) return this.child(raw, expected, options);
    return this.child(await this.attr(attribute), expected, options);
  }

  /** childrenOf are the children that an attribute holds: written in place, named, supplied as a list, or found by a query. */
  async childrenOf(attribute: string, expected: string, options: ChildOptions = {}): Promise<ModelView[]> {
    const raw = await this.childList(attribute);
    const list = isDict(raw) ? this.evaluation.bundle.query(expected, raw).map(({ config }) => config) : raw;
    const children: ModelView[] = [];
    for (const item of list) {
      const child = await this.child(item, expected, { ...options, given: { ...options.given } });
      if (child) children.push(child);
      else this.note(attribute, `There is no ${expected} ${JSON.stringify(item)?.slice(0, 200)}.`);
    }
    return children;
  }

  private async childList(attribute: string): Promise<readonly unknown[] | Dict> {
    const raw = this.raw(attribute);
    if (Array.isArray(raw))
      return resolveList(this.entering(attribute), raw, 0, (item) => isDict(item) && !this.isComputed(item));
    const value = isDict(raw) && !this.isComputed(raw) ? raw : await this.attr(attribute);
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return value as unknown[];
    return isDict(value) ? value : [value];
  }

  private isComputed(config: Dict): boolean {
    const kind = ownOf(config, 'kind');
    return (
      typeof kind === 'string' && ownOf(config, 'lazy') !== true && this.evaluation.bundle.kinds.isA(kind, 'Supplier')
    );
  }

  private named(reference: string, expected: string): Dict | undefined {
    const { bundle, parts } = this.evaluation;
    if (reference.startsWith(kindPrefix)) return { kind: reference.slice(kindPrefix.length) };
    if (reference.startsWith(exprPrefix))
      return parts.behaviours.of(expected).fromExpression?.(reference.slice(exprPrefix.length));
    const id = reference.startsWith(idPrefix) ? reference.slice(idPrefix.length) : reference;
    return bundle.find(id, expected)?.config;
  }

  private kindOf(config: Dict, expected: string): string {
    const { kinds } = this.evaluation.bundle;
    const kind = ownOf(config, 'kind');
    if (typeof kind !== 'string') return kinds.find(expected)?.name ?? expected;
    const known = kinds.find(kind);
    if (known && kinds.isA(known.name, expected)) return known.name;
    throw new Fault('descriptor_failed', {
      public: `${placed(this.standing())} holds a ${kind} where a ${expected} is wanted.`,
      extra: { ...this.standing() },
    });
  }

  /** supply gives the value of a supplier, serialised, or the yes or no of a predicate. */
  supply(): Promise<unknown> {
    return supply(this);
  }

  note(attribute: string | undefined, message: string): void {
    this.evaluation.note(this.id ?? this.kind, attribute, message);
  }

  /** standing says which descriptor this is, and where it was written. */
  standing(attribute?: string): Standing {
    const place = this.evaluation.bundle.sources.placeOf(this.core.config, attribute);
    let named: Core | undefined = this.core;
    while (named && typeof ownOf(named.config, 'id') !== 'string') named = named.parent;
    const id = named && ownOf(named.config, 'id');
    return {
      descriptor: typeof id === 'string' ? id : this.kind,
      ...(attribute === undefined ? {} : { attribute }),
      ...(place === undefined ? {} : { file: place.file, line: place.line }),
    };
  }

  /** failed is the fault of this model's descriptor. */
  failed(attribute: string | undefined, why: string, cause?: unknown): Fault {
    if (isFault(cause) && cause.code === 'evaluation_limit') return cause;
    return new Fault('descriptor_failed', {
      public: `${placed(this.standing(attribute))}: ${why}`,
      extra: { ...this.standing(attribute) },
      cause,
    });
  }

  /** with merges descriptor members over this model's own, for a variant of it. */
  with(over: Dict): ModelView {
    const config = deepMerge(this.core.config, over, this.evaluation.bundle.sources.joined);
    return new Model(this.evaluation, { ...this.core, config, cache: new Map() }, this.frame);
  }

  /** toJSON is what is seen of a model that ends up in an answer. */
  toJSON(): Dict {
    return { kind: this.kind, id: this.id ?? null };
  }
}
