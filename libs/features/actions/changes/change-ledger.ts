import type { KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import type { RunLedger } from '../engine/run-ledger.js';
import { runAnnotation } from '../steps/fenced-write.js';
import type { ChangeRecord } from '../steps/step-context.js';
import { diffObjects, maskObject } from './diff-objects.js';

/** An object that is larger is not kept; only its versions tell then what a worker did that died in the write. */
const beforeCharsMax = 200_000;

export interface ChangedStep {
  readonly run: { readonly id: string; readonly orgId: string };
  readonly position: number;
  readonly namespace: string;
}

interface OpenRow {
  readonly id: string;
  readonly before: unknown;
  readonly versionBefore: string | null;
}

/**
 * ChangeLedger writes down, under the run's fence, what a step does to objects: a row before the write, completed after it. A worker that takes
 * over finds the row of the one before it, and so what the object was before the run touched it.
 */
export class ChangeLedger implements ChangeRecord {
  readonly #ledger: RunLedger;
  readonly #clock: Clock;
  readonly #step: ChangedStep;
  /** Rows of ours, whose objects we have seen ourselves. */
  readonly #seen = new Set<string>();

  constructor(ledger: RunLedger, clock: Clock, step: ChangedStep) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#step = step;
  }

  async begin(ref: ObjectRef, before: KubeObject | undefined): Promise<void> {
    const { run, position } = this.#step;
    const [object, objectKey] = this.#named(ref);
    const isOurs = before?.metadata?.annotations?.[runAnnotation] === run.id;
    const kept = before ? bounded(maskObject(before)) : null;
    const version = before?.metadata?.resourceVersion ?? null;
    const hadRow = await this.#ledger.within(async (tx) => {
      const open = await tx.runChange.findFirst({ where: { runId: run.id, position, objectKey, verb: null } });
      // Our own write may have been the last: then the row knows what was before it.
      if (open && isOurs) return true;
      if (open) await tx.runChange.delete({ where: { id: open.id } });
      const at = this.#clock.now();
      const id = newId('change', at.getTime());
      const row = { id, orgId: run.orgId, runId: run.id, position, objectKey, object, versionBefore: version, at };
      await tx.runChange.create({ data: { ...row, ...(kept ? { before: kept } : {}) } });
      return false;
    });
    if (hadRow) this.#seen.delete(objectKey);
    else this.#seen.add(objectKey);
  }

  async end(
    ref: ObjectRef,
    { before, after }: { readonly before: KubeObject | undefined; readonly after: KubeObject | undefined },
  ): Promise<void> {
    const { run, position } = this.#step;
    const [, objectKey] = this.#named(ref);
    await this.#ledger.within(async (tx) => {
      const open: OpenRow | null = await tx.runChange.findFirst({
        where: { runId: run.id, position, objectKey, verb: null },
        select: { id: true, before: true, versionBefore: true },
      });
      if (!open) return;
      const wasThere = this.#seen.has(objectKey) ? before !== undefined : open.versionBefore !== null;
      const diff = this.#seen.has(objectKey) ? diffObjects(before, after) : diffOfKept(open, after);
      if (after && wasThere && diff?.fields.length === 0) {
        await tx.runChange.delete({ where: { id: open.id } });
        return;
      }
      const verb = after === undefined ? 'deleted' : wasThere ? 'changed' : 'created';
      await tx.$executeRaw`
        UPDATE run_change SET verb = ${verb}, version_after = ${after?.metadata?.resourceVersion ?? null}, before = NULL,
               diff = ${diff === undefined ? null : JSON.stringify(diff)}::jsonb, at = ${this.#clock.now()}
         WHERE id = ${open.id}`;
    });
  }

  async drop(ref: ObjectRef): Promise<void> {
    const { run, position } = this.#step;
    const [, objectKey] = this.#named(ref);
    // What a worker before us may have written stays in doubt.
    if (!this.#seen.has(objectKey)) return;
    await this.#ledger.within((tx) =>
      tx.runChange.deleteMany({ where: { runId: run.id, position, objectKey, verb: null } }),
    );
  }

  #named(ref: ObjectRef): [ObjectRef, string] {
    const { apiVersion, kind, name } = ref;
    const namespace = ref.namespace ?? this.#step.namespace;
    return [{ apiVersion, kind, name, namespace }, `${apiVersion} ${kind} ${namespace} ${name}`];
  }
}

const bounded = (object: KubeObject): object | null =>
  JSON.stringify(object).length <= beforeCharsMax ? object : null;

/** Secret values were not kept: whether those changed is not told then. */
function diffOfKept({ before, versionBefore }: OpenRow, after: KubeObject | undefined) {
  if (versionBefore === null) return diffObjects(undefined, after);
  if (before === null) return undefined;
  return diffObjects(before as KubeObject, after && maskObject(after));
}
