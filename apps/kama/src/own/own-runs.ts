import type { PlanStep, ProgressNode, RunError } from '@nm/kernel/contracts';
import { Fault, toFault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';
import type { Doing, Job, NewRun, RunDoor } from '../installs/install-access.js';
import { newOperationToken } from '../server/new-operation-token.js';
import { carryOut } from './carry-out.js';
import type { Workplace } from './workplace.js';

interface OwnRun {
  readonly job: { -readonly [K in keyof Job]: Job[K] } & { readonly progress: ProgressNode };
  readonly doing: Omit<Doing, 'status'>;
}

const runsKept = 200;
const logsKept = 200;

/**
 * OwnRuns carries plans out in this process, one after the other. It is for development and for KAMAs on a cluster of their own: unlike NMachine's run engine
 * it forgets everything with the process, so a run that was cut off has to be begun again.
 */
export class OwnRuns implements RunDoor {
  readonly #runs = new LRUCache<string, OwnRun>({ max: runsKept });
  readonly #place: Omit<Workplace, 'log'>;
  #last: Promise<void> = Promise.resolve();

  constructor(place: Omit<Workplace, 'log'>) {
    this.#place = place;
  }

  start({ action, title, plan }: NewRun): Promise<string> {
    const id = `run_${newOperationToken()}`;
    const progress = nodeOf(id, title);
    const occurred_at = this.#place.clock.now().toISOString();
    const run: OwnRun = {
      job: { status: 'running', progress, result: null },
      doing: { id, type: action, name: title, occurred_at },
    };
    this.#runs.set(id, run);
    this.#last = this.#last.then(() => this.#run(run, plan.steps as readonly PlanStep[]));
    return Promise.resolve(id);
  }

  job(id: string): Promise<Job> {
    const run = this.#runs.get(id);
    if (!run) return Promise.reject(new Fault('not_found', { public: 'There is no such job.' }));
    return Promise.resolve(structuredClone(run.job));
  }

  list(action?: string): Promise<Doing[]> {
    const all = [...this.#runs.values()].map(({ doing, job: { status } }) => ({ ...doing, status }));
    return Promise.resolve(all.filter(({ type }) => action === undefined || type === action));
  }

  /** settled resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #run({ job }: OwnRun, steps: readonly PlanStep[]): Promise<void> {
    const undo: PlanStep[][] = [];
    job.progress.status = 'running';
    try {
      await this.#all(steps, job.progress, undo);
      job.status = 'positive';
    } catch (error) {
      await this.#takeBack(undo, job.progress);
      job.result = errorOf(error);
      job.status = 'negative';
    }
    job.progress.status = job.status;
  }

  async #all(steps: readonly PlanStep[], above: ProgressNode, undo: PlanStep[][]): Promise<void> {
    const nodes = steps.map((step, index) => nodeOf(`${above.id}.${index}`, step.title));
    above.sub_items.push(...nodes);
    for (const [index, step] of steps.entries()) await this.#one(step, nodes[index] as ProgressNode, undo);
  }

  async #one(step: PlanStep, node: ProgressNode, undo: PlanStep[][]): Promise<void> {
    node.status = 'running';
    const log = (line: string): void => {
      if (node.logs.length < logsKept) node.logs.push(line);
    };
    try {
      if (step.when) throw new Fault('step_failed', { public: 'Conditions ("when") need NMachine\'s run engine.' });
      if (step.kind === 'group') await this.#all(step.steps as readonly PlanStep[], node, undo);
      else await carryOut(step, { ...this.#place, log });
      if ('undo' in step && step.undo) undo.unshift(step.undo as PlanStep[]);
      node.status = 'positive';
    } catch (error) {
      node.status = 'negative';
      node.error = errorOf(error);
      if (step.onError !== 'continue') throw error;
    }
  }

  /** What cannot be taken back is said, and the rest is taken back all the same. */
  async #takeBack(undo: readonly PlanStep[][], progress: ProgressNode): Promise<void> {
    for (const step of undo.flat())
      await carryOut(step, { ...this.#place, log: (line) => progress.logs.push(line) }).catch((error: unknown) =>
        progress.logs.push(`"${step.title}" failed: ${toFault(error).publicMessage}`),
      );
  }
}

const nodeOf = (id: string, title: string): ProgressNode => ({
  ...{ id, title, info: null, status: 'idle' },
  ...{ sub_items: [], logs: [], error: null },
});

function errorOf(error: unknown): RunError {
  const fault = toFault(error);
  return { code: fault.code, reason: fault.publicMessage, fatal: true } as RunError;
}
