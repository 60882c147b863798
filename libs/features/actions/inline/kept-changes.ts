import type { KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { diffObjects } from '../changes/diff-objects.js';
import type { ChangeRecord, UndoneChange } from '../steps/step-context.js';

/** KeptChanges remembers what one step has changed, so that an undo step can take it back; it ends with the process. */
export class KeptChanges implements ChangeRecord {
  readonly all: UndoneChange[] = [];
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  begin(): Promise<void> {
    return Promise.resolve();
  }

  drop(): Promise<void> {
    return Promise.resolve();
  }

  end(
    ref: ObjectRef,
    { before, after }: { readonly before: KubeObject | undefined; readonly after: KubeObject | undefined },
  ): Promise<void> {
    const { fields, truncated } = diffObjects(before, after);
    const object = { ...ref, namespace: ref.namespace ?? this.#namespace };
    const verb = after === undefined ? 'deleted' : before ? 'changed' : 'created';
    if (verb !== 'changed' || fields.length > 0) this.all.push({ object, verb, fields: [...fields], truncated });
    return Promise.resolve();
  }
}
