import { Fault } from '@nm/kernel/fault';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { Agent } from 'undici';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import type { AdvanceRequest } from '../dispatch/outbox-dispatcher.js';
import { sweepRuns } from '../dispatch/run-sweeper.js';
import type { RunEngine } from '../engine/run-engine.js';
import { type Worked, workOnce } from '../engine/work-once.js';
import { queueRun } from '../queue-run.js';
import { readRun } from '../read-run.js';

const never = new AbortController().signal;

/** SeededRuns is a database with installs of one tenant, and an engine that works on their runs without a cluster. */
export class SeededRuns {
  readonly #egress = new Agent();

  constructor(
    readonly database: TestDatabase,
    readonly owner: pg.Client,
    readonly seeded: SeededVersion,
  ) {}

  static async open(installs: number): Promise<SeededRuns> {
    const database = await createTestDatabase();
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    return new SeededRuns(database, owner, await seedVersion(owner, { installs }));
  }

  /** queue queues a run of these steps; gives its id. */
  async queue(install: number, steps: object[], more: object = {}): Promise<string> {
    const { orgId, installIds } = this.seeded;
    const installId = installIds[install] ?? '';
    const { rows } = await this.owner.query('SELECT licence_id FROM install WHERE id = $1', [installId]);
    const input = {
      ...{ orgId, installId, licenceId: rows[0].licence_id, kind: 'action' as const, action: 'a', title: 'A' },
      ...{ plan: { steps }, timeoutSeconds: 600, ...more },
    };
    return (await this.database.db.withOrg(orgId, (tx) => queueRun(tx, input, { vault, clock }))).id;
  }

  /** engine works on runs without a cluster. */
  engine(own: Partial<RunEngine> = {}): RunEngine & { readonly tenantRunsMax: number } {
    const none = () => Promise.reject(new Fault('cluster_unauthorized'));
    return {
      ...{ db: this.database.db, clock, vault, egress: this.#egress, worker: 'test', leaseMs: 60_000 },
      tenantRunsMax: 100,
      sessions: { forCluster: none, forInstall: none },
      cancellations: { watch: () => () => undefined },
      onFault: () => undefined,
      ...own,
    };
  }

  /** work lets a worker take the run whose turn it is. */
  work(askedFor: string, own: Partial<RunEngine> = {}, stop: AbortSignal = never): Promise<Worked> {
    return workOnce(this.engine(own), askedFor, stop);
  }

  read(runId: string) {
    return readRun(this.database.db, { orgId: this.seeded.orgId }, runId);
  }

  /** sweep does what the sweeper does every second; gives the runs that it asked for. */
  async sweep(): Promise<string[]> {
    const asked: string[] = [];
    const advance = async (requests: readonly AdvanceRequest[]) =>
      void asked.push(...requests.map(({ runId }) => runId));
    await sweepRuns({ db: this.database.db, clock, advance, onError: () => undefined });
    return asked;
  }

  async close(): Promise<void> {
    await this.#egress.destroy();
    await this.owner.end();
    await this.database.close();
  }
}
