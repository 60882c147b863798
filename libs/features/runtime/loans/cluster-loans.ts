import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '@nm/adapters/telemetry';
import { mintBearerKey } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { type KamaUrls, tokenFile } from '../kama-environment.js';
import type { InstanceFacts } from '../reconcile/instance-facts.js';
import type { InstanceStore } from '../reconcile/instance-store.js';
import type { InstanceFiles } from '../runtime-driver.js';
import { loanFiles } from './loan-files.js';

/** A credential for the cluster proxy. */
export interface Loan {
  readonly kubeconfig: string;
  readonly lifeMs: number;
}

/** Gets a credential by the ticket of an instance. @throws Error that says why there is none */
export type Lend = (ticket: string) => Promise<Loan>;

export interface ClusterLoansOptions {
  readonly store: Pick<InstanceStore, 'ticket'>;
  readonly lend: Lend;
  readonly urls: KamaUrls;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Borrower = Pick<InstanceFacts, 'id' | 'names'>;

interface Held {
  readonly ticket: string;
  dueMs: number;
}

/** A new credential is asked for when this part of the life of the one before is over. */
const renewAt = 0.5;
const retryMs = 5_000;

/**
 * ClusterLoans gets KAMAs that serve one install their credential for its cluster: a short-lived token for the cluster proxy. The operator can
 * sign none; it proves by a ticket, whose hash only it can write into the instance's row, whom it asks for. A KAMA never sees the ticket.
 */
export class ClusterLoans {
  readonly #options: ClusterLoansOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: ClusterLoansOptions) {
    this.#options = options;
  }

  /** first gives the files for one that is about to start, under a ticket of its own. When there is no credential to be had now it starts without, and gets it later. */
  async first(borrower: Borrower, folder: string | undefined): Promise<InstanceFiles | undefined> {
    this.forget(borrower.id);
    if (!borrower.names.install || folder === undefined) return undefined;
    return (await this.#files(borrower, folder)) ?? {};
  }

  /** renewed gives new files when it is time for them. */
  async renewed(borrower: Borrower, folder: string | undefined): Promise<InstanceFiles | undefined> {
    const dueInMs = this.dueInMs(borrower, folder);
    return folder !== undefined && dueInMs !== undefined && dueInMs <= 0 ? this.#files(borrower, folder) : undefined;
  }

  /** dueInMs tells when `renewed` has something to do; undefined for one that is given no credential. */
  dueInMs({ id, names }: Borrower, folder: string | undefined): number | undefined {
    if (!names.install || folder === undefined) return undefined;
    const held = this.#held.get(id);
    return held ? held.dueMs - this.#options.clock.monotonicMs() : 0;
  }

  /** retry says that what `renewed` gave has not arrived. */
  retry(id: string): void {
    const held = this.#held.get(id);
    if (held) held.dueMs = this.#options.clock.monotonicMs() + retryMs;
  }

  forget(id: string): void {
    this.#held.delete(id);
  }

  async #files({ id, names }: Borrower, folder: string): Promise<InstanceFiles | undefined> {
    const { clock, lend, urls, logger } = this.#options;
    const held = this.#held.get(id) ?? (await this.#open(id));
    try {
      const { kubeconfig, lifeMs } = await lend(held.ticket);
      held.dueMs = clock.monotonicMs() + lifeMs * renewAt;
      return loanFiles(kubeconfig, {
        urls,
        clusterId: names.install?.cluster ?? '',
        tokenPath: join(folder, tokenFile),
      });
    } catch (error) {
      this.retry(id);
      logger.warn(
        { err: error, instance: id },
        'an instance has no credential for its cluster yet; it will be tried again',
      );
      return undefined;
    }
  }

  async #open(id: string): Promise<Held> {
    const ticket = mintBearerKey('instance').text;
    await this.#options.store.ticket(id, hash('sha256', ticket, 'buffer'));
    const held = { ticket, dueMs: 0 };
    this.#held.set(id, held);
    return held;
  }
}
