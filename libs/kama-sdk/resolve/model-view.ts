import type { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Bundle } from '../descriptors/bundle.js';
import type { Dict } from '../values/dict.js';
import type { Budget, Standing } from './budget.js';
import type { ClusterReader, HttpReader, Hub, JqEngine, KamafileReader, TemplatingEngine } from './ports.js';

/** A computed attribute: it wins over what the descriptor says, which it may read by `_no_virtual_<name>`. */
export interface Computed {
  readonly get: (model: ModelView) => Promise<unknown>;
  /** Worked out once per model. */
  readonly cached?: boolean;
}

/** Behaviour is what a kind does beside holding attributes. */
export interface Behaviour {
  readonly computed?: Readonly<Record<string, Computed>>;
  /** The value of a supplier before its serializer, or the yes or no of a predicate. */
  readonly compute?: (model: ModelView) => Promise<unknown>;
  /** Its value is final: no serializer is applied. */
  readonly final?: boolean;
  /** Reads an `expr::…`. */
  readonly fromExpression?: (text: string) => Record<string, unknown> | undefined;
}

/** BehaviourTable knows what each kind does. */
export interface BehaviourTable {
  of(kind: string): Behaviour;
}

/** Note is something that an evaluation put up with: a missing supplier, a jq program that failed. */
export interface Note {
  readonly descriptor: string;
  readonly attribute: string | undefined;
  readonly message: string;
}

export interface EvaluationParts {
  readonly bundle: Bundle;
  readonly behaviours: BehaviourTable;
  readonly namespace: string;
  readonly clock: Clock;
  readonly budget: Budget;
  readonly kamafile: KamafileReader;
  readonly cluster: ClusterReader | undefined;
  readonly http: HttpReader | undefined;
  readonly engine: TemplatingEngine | undefined;
  readonly hub: Hub | undefined;
  readonly jq: JqEngine | undefined;
  /** Whose turn it is at shared engines. */
  readonly tenant: string | undefined;
}

/** EvaluationView is what models see of the request that they work for. */
export interface EvaluationView {
  readonly parts: EvaluationParts;
  readonly bundle: Bundle;
  /** once does a piece of work once per request, whoever asks for it. */
  once<T>(key: string, work: () => Promise<T>): Promise<T>;
  note(descriptor: string, attribute: string | undefined, message: string): void;
  /** need gives a port that the caller has to provide. @throws Fault descriptor_failed */
  need<K extends 'cluster' | 'http' | 'engine' | 'hub' | 'jq'>(port: K, who: string): NonNullable<EvaluationParts[K]>;
}

export interface AttributeOptions {
  /** Ask the parents for what the model itself lacks. */
  readonly lookback?: boolean;
  /** Resolve objects within objects, as deep as this. */
  readonly depth?: number;
}

export interface ChildOptions {
  /** Data of the moment, which wins over the descriptor and is never interpreted. */
  readonly given?: Record<string, unknown>;
  /** The same, where the descriptor says nothing. */
  readonly backup?: Dict;
}

const brand = Symbol('model');

/** ModelView is a descriptor at work, as suppliers, predicates and the like see it. */
export interface ModelView {
  readonly [brand]: true;
  readonly evaluation: EvaluationView;
  readonly kind: string;
  readonly id: string | undefined;
  readonly config: Dict;
  readonly parent: ModelView | undefined;
  readonly space: string | undefined;
  /** Where variables are read and written: its own word, its parents', its space, or the app. */
  readonly configSpace: string;
  isA(kind: string): boolean;
  /** give sets data of the moment, for this model and those below it. */
  give(data: Record<string, unknown>): void;
  /** attr resolves an attribute; null when there is none. */
  attr(key: string, options?: AttributeOptions): Promise<unknown>;
  /** own is `attr` without the parents. */
  own(key: string, options?: AttributeOptions): Promise<unknown>;
  /** text is an attribute of its own that is text, or null. */
  text(key: string): Promise<string | null>;
  /** has tells whether the model itself says something about an attribute. */
  has(name: string): boolean;
  /** raw is what the descriptor itself says, as it was written. */
  raw(name: string): unknown;
  /** resolve interprets a value of the descriptor on behalf of this model. */
  resolve(value: unknown, depth?: number): Promise<unknown>;
  /** child makes a model of a reference, or of a config written in place. None when it names nothing. @throws Fault descriptor_failed */
  child(reference: unknown, expected: string, options?: ChildOptions): Promise<ModelView | undefined>;
  /** childOf is the child that an attribute holds. The attribute may be computed. */
  childOf(attribute: string, expected: string, options?: ChildOptions): Promise<ModelView | undefined>;
  /** childrenOf are the children that an attribute holds: written in place, named, supplied as a list, or found by a query. */
  childrenOf(attribute: string, expected: string, options?: ChildOptions): Promise<ModelView[]>;
  /** supply gives the value of a supplier, serialised, or the yes or no of a predicate. */
  supply(): Promise<unknown>;
  note(attribute: string | undefined, message: string): void;
  /** standing says which descriptor this is, and where it was written. */
  standing(attribute?: string): Standing;
  /** failed is the fault of this model's descriptor. */
  failed(attribute: string | undefined, why: string, cause?: unknown): Fault;
  /** with is a variant of the model with other members of its descriptor. */
  with(over: Dict): ModelView;
}

export const modelBrand: typeof brand = brand;

/** isModel tells models from data. */
export const isModel = (value: unknown): value is ModelView =>
  typeof value === 'object' && value !== null && brand in value;
