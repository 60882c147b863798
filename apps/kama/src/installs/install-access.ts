import type { ClusterReader, TemplatingEngine } from '@nm/kama-sdk';
import type { CreateRun, ProgressNode, RunError } from '@nm/kernel/contracts';
import type { DocumentStore } from './operation-states.js';
import type { OpenKamafile } from './read-kamafile.js';

/** Job is a run as KAMA clients poll it. */
export interface Job {
  readonly status: 'running' | 'positive' | 'negative';
  readonly progress: ProgressNode | null;
  readonly result: RunError | null;
}

export type NewRun = Pick<CreateRun, 'action' | 'title' | 'plan'> & { readonly info?: string };

/** RunDoor has plans carried out, and tells how far they are. */
export interface RunDoor {
  /** start gives the run's id. */
  start(run: NewRun): Promise<string>;
  /** @throws Fault not_found */
  job(id: string): Promise<Job>;
  /** list gives what was done with the install, the newest first; of one action, or all. */
  list?(action?: string): Promise<Doing[]>;
}

/** Doing is a run in a list, as older clients read events. */
export interface Doing {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly status: string;
  readonly occurred_at: string;
}

/** InstallAccess is what a request may do with the install that it concerns; never its credentials. */
export interface InstallAccess {
  readonly id: string;
  readonly namespace: string;
  readonly mayWrite: boolean;
  readonly kamafile: OpenKamafile;
  readonly cluster: ClusterReader;
  readonly runs: RunDoor;
  readonly documents: DocumentStore;
  /** Templating engines that are reached for it, by type. */
  readonly engines: Readonly<Record<string, TemplatingEngine>>;
}
