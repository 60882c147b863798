import type { KubeJson } from '../kinds/kube-json.js';
import type { Resource } from '../kinds/resource.js';
import type { Condition } from '../query/condition.js';
import { type Candidate, matches } from '../query/match.js';
import { indexEntry, LiveIndex } from './live-index.js';

/** A change of what a query gives. An object that stops matching is `deleted`, though it lives on. */
export interface LiveEvent<R> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly resource: R;
}

/** What a LiveSet needs to know of the query that it answers. */
export interface LiveRules<R> {
  readonly conditions: readonly Condition<R>[];
  readonly candidate: (raw: KubeJson) => Candidate<R>;
}

/**
 * LiveSet is what a query gives, kept up to date by watches. Reading it costs no request. It holds the last known state even while the
 * server is away; `lastSignAtMs` tells how old that may be.
 */
export class LiveSet<R extends Resource> {
  readonly #rules: LiveRules<R>;
  readonly #stop: AbortController;
  readonly #objects = new Map<string, R>();
  /** Which watch an object came from, so that its list can tell what is gone. */
  readonly #sourceOf = new Map<string, number>();
  readonly #index = new LiveIndex();
  readonly #listeners = new Set<(event: LiveEvent<R>) => void>();
  #failure: unknown;
  readonly #onEnd = new Set<() => void>();
  #lastSignAtMs = 0;

  constructor(rules: LiveRules<R>, stop: AbortController) {
    this.#rules = rules;
    this.#stop = stop;
  }

  get size(): number {
    return this.#objects.size;
  }
  /** lastSignAtMs is when the server last said anything, bookmarks included (monotonic milliseconds). */
  get lastSignAtMs(): number {
    return this.#lastSignAtMs;
  }
  all(): R[] {
    return [...this.#objects.values()];
  }
  /** get finds by name; the namespace is needed where the kind has one. */
  get(name: string, ns = ''): R | undefined {
    return this.#objects.get(`${ns}/${name}`);
  }
  byNs(namespace: string): R[] {
    return this.#found(indexEntry.namespace(namespace));
  }
  byUid(uid: string): R | undefined {
    return this.#found(indexEntry.uid(uid))[0];
  }
  byLabel(key: string, value: string): R[] {
    return this.#found(indexEntry.label(key, value));
  }
  byOwner(uid: string): R[] {
    return this.#found(indexEntry.owner(uid));
  }
  byNode(node: string): R[] {
    return this.#found(indexEntry.node(node));
  }
  #found(entry: string): R[] {
    return [...this.#index.find(entry)].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** on calls for each change from now on; what it gives ends that. */
  on(listener: (event: LiveEvent<R>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** stop ends the watches. What was read stays readable. */
  stop(): void {
    this.#stop.abort();
    this.end(undefined);
  }

  /** changes yields each change from now on, until the set stops. @throws what ended the watches, if they were refused */
  async *changes(): AsyncGenerator<LiveEvent<R>> {
    const queue: LiveEvent<R>[] = [];
    let wake: () => void = () => undefined;
    const off = this.on((event) => {
      queue.push(event);
      wake();
    });
    const onEnd = () => wake();
    this.#onEnd.add(onEnd);
    try {
      for (;;) {
        for (let event = queue.shift(); event; event = queue.shift()) yield event;
        if (this.#failure !== undefined) throw this.#failure as Error;
        if (this.#stop.signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || this.#stop.signal.aborted || this.#failure !== undefined) resolve();
        });
      }
    } finally {
      off();
      this.#onEnd.delete(onEnd);
    }
  }

  /** Called by the watches. */
  sign(nowMs: number): void {
    this.#lastSignAtMs = nowMs;
  }
  end(failure: unknown): void {
    this.#failure ??= failure;
    for (const onEnd of this.#onEnd) onEnd();
  }
  replace(source: number, objects: readonly KubeJson[]): void {
    const kept = new Set<string>();
    for (const raw of objects) {
      kept.add(keyOf(raw));
      this.put(source, raw);
    }
    for (const [key, from] of [...this.#sourceOf]) if (from === source && !kept.has(key)) this.#drop(key);
  }
  put(source: number, raw: KubeJson): void {
    const key = keyOf(raw);
    const candidate = this.#rules.candidate(raw);
    if (!this.#rules.conditions.every((condition) => matches(condition, candidate))) return void this.#drop(key, raw);
    const before = this.#objects.get(key);
    if (before && isSameVersion(before.raw, raw)) return;
    if (before && before.uid !== raw.metadata?.uid) this.#drop(key);
    const isNew = !this.#objects.has(key);
    const resource = candidate.wrapped();
    this.#objects.set(key, resource);
    this.#sourceOf.set(key, source);
    this.#index.put(key, raw);
    this.#tell({ type: isNew ? 'added' : 'modified', resource });
  }
  remove(raw: KubeJson): void {
    this.#drop(keyOf(raw), raw);
  }

  #drop(key: string, last?: KubeJson): void {
    const before = this.#objects.get(key);
    if (!before) return;
    this.#objects.delete(key);
    this.#sourceOf.delete(key);
    this.#index.remove(key);
    this.#tell({ type: 'deleted', resource: last ? this.#rules.candidate(last).wrapped() : before });
  }
  #tell(event: LiveEvent<R>): void {
    for (const listener of this.#listeners) listener(event);
  }
}

const keyOf = ({ metadata }: KubeJson): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

const isSameVersion = (left: KubeJson, right: KubeJson): boolean =>
  left.metadata?.uid === right.metadata?.uid && left.metadata?.resourceVersion === right.metadata?.resourceVersion;
