import type { ClusterSession, KamaDoor } from '@nm/features/actions';
import { type InlinePlace, type InlineRun, planInline } from '@nm/features/actions/inline';
import type { RunError } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { LRUCache } from 'lru-cache';
import type { Doing, Job, NewRun, RunDoor } from '../installs/install-access.js';
import { newOperationToken } from '../server/new-operation-token.js';

interface OwnRun {
  readonly run: InlineRun;
  readonly doing: Omit<Doing, 'status'>;
  status: Job['status'];
  result: RunError | null;
  ended: Promise<void>;
}

export interface OwnRunsOptions extends Pick<InlinePlace, 'namespace' | 'egress' | 'refusal'> {
  readonly session: ClusterSession;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly kama: KamaDoor;
}

const runsKept = 200;

/**
 * OwnRuns carries plans out in this process, one after the other. It is for development and for KAMAs on a cluster of their own: unlike NMachine's run engine
 * it forgets everything with the process, so a run that was cut off has to be begun again.
 */
export class OwnRuns implements RunDoor {
  readonly #runs = new LRUCache<string, OwnRun>({ max: runsKept });
  readonly #place: InlinePlace;
  #last: Promise<void> = Promise.resolve();

  constructor(options: OwnRunsOptions) {
    this.#place = {
      ...options,
      children: {
        // Its parent has its turn, and waits for it.
        queue: async (child) => this.#begin(child, Promise.resolve()),
        read: async (id) => {
          const { status, result } = this.#find(id);
          return { status, error: result ?? undefined };
        },
        ended: (id) => this.#find(id).ended,
      },
    };
  }

  /** @throws Fault plan_invalid */
  async start(asked: NewRun): Promise<string> {
    const id = this.#begin(asked, this.#last);
    this.#last = this.#find(id).ended;
    return id;
  }

  async job(id: string): Promise<Job> {
    const { status, result, run } = this.#find(id);
    return structuredClone({ status, result, progress: run.progress });
  }

  list(action?: string): Promise<Doing[]> {
    const all = [...this.#runs.values()].map(({ doing, status }) => ({ ...doing, status }));
    return Promise.resolve(all.filter(({ type }) => action === undefined || type === action));
  }

  /** settled resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#last;
  }

  #begin({ action, title, plan }: Pick<NewRun, 'action' | 'title' | 'plan'>, turn: Promise<void>): string {
    const id = `run_${newOperationToken()}`;
    const run = planInline({ id, action, title, plan }, this.#place);
    const occurred_at = this.#place.clock.now().toISOString();
    const doing = { id, type: action, name: title, occurred_at };
    const own: OwnRun = { run, doing, status: 'running', result: null, ended: Promise.resolve() };
    own.ended = turn.then(async () => {
      own.result = await run.carryOut();
      own.status = own.result ? 'negative' : 'positive';
    });
    this.#runs.set(id, own);
    return id;
  }

  #find(id: string): OwnRun {
    const found = this.#runs.get(id);
    if (!found) throw new Fault('not_found', { public: 'There is no such job.' });
    return found;
  }
}
