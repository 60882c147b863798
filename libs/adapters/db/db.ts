import { Fault } from '@nm/kernel/fault';
import { PrismaPg } from '@prisma/adapter-pg';
import { answeringSocket, silenceMsMax } from './answering-socket.js';
import { translateDbError } from './db-errors.js';
import { type Prisma, PrismaClient } from './generated/client.js';

/** Tx is what a query runs on; only `withOrg` and `asSystem` hand one out. */
export type Tx = Prisma.TransactionClient;

export interface DbOptions {
  /** URL of the login role `nm_app`. */
  readonly url: string;
  /** Connections at most. */
  readonly poolMax?: number;
  /** Seen in pg_stat_activity. */
  readonly applicationName?: string;
  readonly onPoolError?: (error: Error) => void;
  /** A connection on which nothing has moved for so long is given up. */
  readonly silenceMs?: number;
}

const statementTimeoutMs = 10_000;
/** Well above the statement timeout, so that Postgres gives up first and says why. */
const transactionTimeoutMs = 15_000;
/** Longer than Prisma's 2 s, which turns a busy pool into errors. */
const poolWaitMsMax = 8_000;

/**
 * Db is the only way to the tenants' rows. Transactions hold database work only: never HTTP, Kubernetes or queue calls.
 */
export class Db {
  readonly url: string;
  readonly #client: PrismaClient;

  constructor(options: DbOptions) {
    this.url = options.url;
    const adapter = new PrismaPg(
      {
        connectionString: options.url,
        max: options.poolMax ?? 10,
        application_name: options.applicationName ?? 'nmachine',
        connectionTimeoutMillis: 5_000,
        stream: () => answeringSocket(options.silenceMs ?? silenceMsMax),
        options: `-c statement_timeout=${statementTimeoutMs} -c idle_in_transaction_session_timeout=20000`,
      },
      { onPoolError: options.onPoolError ?? (() => undefined) },
    );
    this.#client = new PrismaClient({ adapter });
  }

  /**
   * withOrg runs `work` in one transaction that sees the rows of one organisation and nothing else.
   * Row-level security enforces it, so a forgotten `where` shows nothing of others.
   */
  withOrg<T>(orgId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction(async (tx) => {
      await tx.$executeRaw`SELECT set_config('app.org_id', ${orgId}, TRUE)`;
      return work(tx);
    });
  }

  /** asSystem runs `work` in one transaction that sees every tenant: for look-ups before the tenant is known, and for the background apps. */
  asSystem<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction(async (tx) => {
      await tx.$executeRaw`SET LOCAL ROLE nm_system`;
      return work(tx);
    });
  }

  /** ping fails with `store_unavailable` when the database does not answer. */
  async ping(): Promise<void> {
    try {
      await this.#client.$queryRaw`SELECT 1`;
    } catch (cause) {
      throw new Fault('store_unavailable', { cause });
    }
  }

  close(): Promise<void> {
    return this.#client.$disconnect();
  }

  async #transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.#client.$transaction(work, { maxWait: poolWaitMsMax, timeout: transactionTimeoutMs });
    } catch (error) {
      throw translateDbError(error);
    }
  }
}
