import { randomFraction } from '@nm/kernel/ids';
import type { ObjectTarget } from '../session/kube-session.js';
import { judgeOf, type WaitCondition } from '../watch/wait-condition.js';
import { type WaitOptions, waitForObject } from '../watch/wait-until.js';
import { type DeleteObjectOptions, deleteObject } from '../write/delete-object.js';
import { type PatchOptions, patchObject, updateObject } from '../write/patch-object.js';
import type { AnyRelation, KatContext, Relation } from './kat-context.js';
import type { KindFacts } from './kind-facts.js';
import type { KindMap, KindName } from './kind-map.js';
import type { KubeJson, OwnerReference } from './kube-json.js';

export type ResourceApplyOptions = Pick<PatchOptions, 'force' | 'fieldManager' | 'dryRun' | 'signal'>;

/** What an object's own state amounts to: `positive` works, `negative` needs somebody, `pending` may come right by itself. */
export type Ternary = 'positive' | 'pending' | 'negative';

/**
 * Resource wraps one object as it was read. `raw` is the JSON itself; getters derive from it and ask nobody, methods that return promises
 * talk to the cluster. Not thenable, so it may be awaited and yielded.
 */
export class Resource<Raw extends KubeJson = KubeJson> {
  readonly facts: KindFacts;
  readonly kat: KatContext;
  #raw: Raw;
  readonly #loaded = new Map<AnyRelation, readonly unknown[]>();

  constructor(raw: Raw, facts: KindFacts, kat: KatContext) {
    this.#raw = raw;
    this.facts = facts;
    this.kat = kat;
  }

  get raw(): Raw {
    return this.#raw;
  }
  get kind(): string {
    return this.facts.kind;
  }
  get apiVersion(): string {
    return this.facts.apiVersion;
  }
  get uid(): string {
    return this.#raw.metadata?.uid ?? '';
  }
  get name(): string {
    return this.#raw.metadata?.name ?? '';
  }
  /** ns is the namespace; empty for cluster-wide kinds. */
  get ns(): string {
    return this.#raw.metadata?.namespace ?? '';
  }
  get labels(): Readonly<Record<string, string>> {
    return this.#raw.metadata?.labels ?? {};
  }
  get annotations(): Readonly<Record<string, string>> {
    return this.#raw.metadata?.annotations ?? {};
  }
  /** createdAt is undefined for what was never stored. */
  get createdAt(): Date | undefined {
    const text = this.#raw.metadata?.creationTimestamp;
    return text ? new Date(text) : undefined;
  }
  /** ageMs is how long ago it was created, in milliseconds. */
  get ageMs(): number {
    return this.createdAt ? this.kat.clock.nowMs() - this.createdAt.getTime() : 0;
  }
  /** age is `ageMs` as kubectl writes it: `5m`, `3d`. */
  get age(): string {
    return shortDuration(this.ageMs);
  }
  get owners(): readonly OwnerReference[] {
    return this.#raw.metadata?.ownerReferences ?? [];
  }
  /** owner is the controlling owner. */
  get owner(): OwnerReference | undefined {
    return this.owners.find((owner) => owner.controller) ?? this.owners[0];
  }
  get isBeingDeleted(): boolean {
    return this.#raw.metadata?.deletionTimestamp !== undefined;
  }

  get ternaryStatus(): Ternary {
    return 'positive';
  }
  get isWorking(): boolean {
    return this.ternaryStatus === 'positive';
  }
  get isBroken(): boolean {
    return this.ternaryStatus === 'negative';
  }
  get hasSettled(): boolean {
    return this.ternaryStatus !== 'pending';
  }

  /** sig names it: `Pod:web-1`, with the namespace in front when wanted. */
  sig(withNs = false): string {
    return withNs && this.ns ? `${this.ns}:${this.kind}:${this.name}` : `${this.kind}:${this.name}`;
  }

  /** reload reads it again; null when it is gone (or another took its name). */
  async reload(): Promise<this | null> {
    const raw = await this.kat.session.read<Raw>(this.#target());
    if (!raw || (this.uid && raw.metadata?.uid !== this.uid)) return null;
    this.#raw = raw;
    return this;
  }

  /** exists asks the cluster. */
  async exists(): Promise<boolean> {
    return (await this.kat.session.read(this.#target())) !== undefined;
  }

  /**
   * patch changes it. A function gets a draft to change: what it changed is sent, bound to the version that was read, and tried again on a
   * newer one after a conflict. An object is sent as a merge patch (null deletes) that asks for no version.
   */
  async patch(change: ((draft: Raw) => void) | object, options: PatchOptions = {}): Promise<this> {
    const settings = { fieldManager: this.kat.fieldManager, ...options };
    const { session } = this.kat;
    this.#raw =
      typeof change === 'function'
        ? await updateObject(session, this.#target(), this.#raw, change as (draft: Raw) => void, settings)
        : await patchObject<Raw>(session, this.#target(), change, settings);
    return this;
  }

  /** setLabel sets labels in one request that needs no read. */
  setLabel(labels: Readonly<Record<string, string | null>>): Promise<this> {
    return this.patch({ metadata: { labels } });
  }
  removeLabel(...keys: string[]): Promise<this> {
    return this.setLabel(Object.fromEntries(keys.map((key) => [key, null])));
  }
  annotate(annotations: Readonly<Record<string, string | null>>): Promise<this> {
    return this.patch({ metadata: { annotations } });
  }
  /** touch notes the time in the annotation `updated_at`. */
  touch(): Promise<this> {
    return this.annotate({ updated_at: this.kat.clock.now().toISOString() });
  }
  /** trigger sets the annotation `trigger` to something new, so that controllers look again. */
  trigger(): Promise<this> {
    return this.annotate({ trigger: Math.floor(randomFraction() * 36 ** 8).toString(36) });
  }

  /** delete removes it, and waits until it is gone when asked to; nothing happens when it is gone already. Another object that took its name is left alone. */
  async delete(options: DeleteObjectOptions & { readonly wait?: boolean | WaitOptions } = {}): Promise<void> {
    const { wait, ...rest } = options;
    await deleteObject(this.kat.session, this.#target(), { ...(this.uid ? { uid: this.uid } : {}), ...rest });
    if (wait) await this.waitUntil('delete', wait === true ? {} : wait);
  }

  /** apply sets the given fields by server-side apply, and owns them from then on. @throws Fault kube_api 409; see `conflictsOf` */
  async apply(fields: object, options: ResourceApplyOptions = {}): Promise<this> {
    const metadata = { ...(fields as KubeJson).metadata, name: this.name, ...(this.ns ? { namespace: this.ns } : {}) };
    this.#raw = await patchObject<Raw>(
      this.kat.session,
      this.#target(),
      { ...fields, apiVersion: this.apiVersion, kind: this.kind, metadata },
      { fieldManager: this.kat.fieldManager, ...options, type: 'apply' },
    );
    return this;
  }

  /**
   * waitUntil watches it until the condition holds, and takes the state of that moment over. Conditions are a function, wanted properties
   * (`{ status: 'Running' }`), `{ condition: 'Ready' }`, or kubectl's text (`condition=…`, `jsonpath=…`, `delete`).
   * @throws Fault kube_wait_timeout with the last state; kube_api 404 when it goes away
   */
  async waitUntil(condition: WaitCondition<this>, options: WaitOptions = {}): Promise<this> {
    const found = await waitForObject<this>({
      ...options,
      session: this.kat.session,
      target: this.#target(),
      ...(this.uid ? { uid: this.uid } : {}),
      wrap: (raw) => this.#likeThis(raw as Raw),
      judge: judgeOf<this>(condition),
      words: `${this.sig(true)} ${typeof condition === 'string' ? condition : ''}`.trim(),
    });
    if (found) this.#raw = found.raw;
    return this;
  }

  /** related queries the relatives of this one; what `with()` has loaded is not asked for again. */
  protected related<N extends KindName>(relation: Relation<never, N>): KindMap[N] {
    return this.kat.related(relation, async () => [this]);
  }

  /** loadedRelatives gives what `with()` has loaded. */
  loadedRelatives(relation: AnyRelation): readonly unknown[] | undefined {
    return this.#loaded.get(relation);
  }
  keepRelatives(relation: AnyRelation, relatives: readonly unknown[]): void {
    this.#loaded.set(relation, relatives);
  }

  toJSON(): Raw {
    return this.#raw;
  }
  toString(): string {
    return this.sig(true);
  }

  #likeThis(raw: Raw): this {
    const Same = this.constructor as new (raw: Raw, facts: KindFacts, kat: KatContext) => this;
    return new Same(raw, this.facts, this.kat);
  }

  #target(): ObjectTarget {
    return { resource: this.facts, namespace: this.ns || undefined, name: this.name };
  }
}

/** shortDuration writes milliseconds in one unit, as kubectl's AGE column does for whole units. */
function shortDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
