import type { KindTable } from '../kinds/kind-table.js';
import type { Behaviour, BehaviourTable } from './model-view.js';

/** Behaviours knows what each kind does; what it doesn't say, its parent does. */
export class Behaviours implements BehaviourTable {
  readonly #resolved = new Map<string, Behaviour>();

  constructor(
    private readonly kinds: KindTable,
    private readonly own: Readonly<Record<string, Behaviour>>,
  ) {}

  of(kind: string): Behaviour {
    let behaviour = this.#resolved.get(kind);
    if (!behaviour) {
      const lineage = this.kinds
        .lineage(kind)
        .toReversed()
        .map(({ name }) => this.own[name] ?? {});
      const computed = Object.assign({}, ...lineage.map((each) => each.computed)) as Behaviour['computed'];
      behaviour = Object.assign({}, ...lineage, { computed }) as Behaviour;
      this.#resolved.set(kind, behaviour);
    }
    return behaviour;
  }
}
