import { Fault, hasCode } from '@nm/kernel/fault';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { answeringSocket, silenceMsMax } from './answering-socket.js';
import { translateDbError } from './db-errors.js';
import { type Prisma, PrismaClient } from './generated/client.js';
import { GroupCalls, type GroupStatement } from './group-calls.js';

/** Tx is what a query runs on; only `withOrg` and `asSystem` hand one out. */
export type Tx = Prisma.TransactionClient;

export interface DbOptions {
  /** URL of the login role `nm_app`. */
  readonly url: string;
  /** Connections at most. */
  readonly poolMax?: number;
  /** Callers of `together` in one statement at most. */
  readonly togetherMax?: number;
  /** Seen in pg_stat_activity. */
  readonly applicationName?: string;
  readonly onPoolError?: (error: Error) => void;
  /** A connection on which nothing has moved for so long is given up. */
  readonly silenceMs?: number;
}

/** Statement is prepared once on each connection; its name says which it is. */
export interface Statement {
  readonly name: string;
  readonly text: string;
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
  readonly #options: DbOptions;
  readonly #client: PrismaClient;
  #systemPool: pg.Pool | undefined;
  readonly #groups = new Map<unknown, unknown>();

  constructor(options: DbOptions) {
    this.url = options.url;
    this.#options = options;
    const adapter = new PrismaPg(poolConfig(options), { onPoolError: options.onPoolError ?? (() => undefined) });
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

  /**
   * system runs one statement that sees every tenant, as a transaction of its own, in one round trip: for the few statements that each run needs several
   * times. Its connections are apart from the others and have the role for good. @throws Fault store_unavailable
   */
  async system<T extends object>({ name, text }: Statement, values: readonly unknown[]): Promise<T[]> {
    try {
      this.#systemPool ??= openSystemPool(this.#options);
      return (await this.#systemPool.query<T>({ name, text, values: [...values] })).rows;
    } catch (error) {
      throw translateDbError(error);
    }
  }

  /**
   * together asks for something by a statement that answers many callers at once: whoever asks while others do shares a statement with them. Each has its
   * own answer, and its own failure. Like `system` otherwise.
   */
  together<I, R extends object, O>(statement: GroupStatement<I, R, O>, asked: I): Promise<O> {
    const known = this.#groups.get(statement) as GroupCalls<I, R, O> | undefined;
    if (known) return known.call(asked);
    const query = (all: readonly I[]) => this.system<R>(statement, statement.values(all));
    const calls = new GroupCalls(statement, query, {
      apart: (error) => !hasCode(error, 'store_unavailable'),
      callsMax: this.#options.togetherMax,
    });
    this.#groups.set(statement, calls);
    return calls.call(asked);
  }

  /** ping fails with `store_unavailable` when the database does not answer. */
  async ping(): Promise<void> {
    try {
      await this.#client.$queryRaw`SELECT 1`;
    } catch (cause) {
      throw new Fault('store_unavailable', { cause });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.$disconnect(), this.#systemPool?.end()]);
  }

  async #transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.#client.$transaction(work, { maxWait: poolWaitMsMax, timeout: transactionTimeoutMs });
    } catch (error) {
      throw translateDbError(error);
    }
  }
}

const poolConfig = (options: DbOptions, more = ''): pg.PoolConfig => ({
  connectionString: options.url,
  max: options.poolMax ?? 10,
  application_name: options.applicationName ?? 'nmachine',
  connectionTimeoutMillis: 5_000,
  stream: () => answeringSocket(options.silenceMs ?? silenceMsMax),
  options: `-c statement_timeout=${statementTimeoutMs} -c idle_in_transaction_session_timeout=20000${more}`,
});

/** Its statements are short, so that half as many connections are enough. */
function openSystemPool(options: DbOptions): pg.Pool {
  const max = Math.max(2, Math.ceil((options.poolMax ?? 10) / 2));
  const pool = new pg.Pool({ ...poolConfig(options, ' -c role=nm_system -c jit=off'), max });
  return pool.on('error', options.onPoolError ?? (() => undefined));
}
