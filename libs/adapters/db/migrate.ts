import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

/**
 * migrationAdapter is Prisma's pg adapter, but sends a migration as one script (the stock one cuts it at every semicolon, also
 * inside a function body), and can close the connections that the engine leaves open.
 */
function migrationAdapter(url: string) {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    adapter.executeScript = async (script) => {
      await pool.query(script);
    };
    return adapter;
  };
  return { adapter: bindMigrationAwareSqlAdapterFactory(factory), close: () => pool.end() };
}

const noFilter = { externalTables: [], externalEnums: [] };

/** applied reads the names that `_prisma_migrations` calls finished; empty on a fresh database. */
async function applied(url: string): Promise<Set<string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ exists: boolean }>(
      `SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS exists`,
    );
    if (!rows[0]?.exists) return new Set();
    const done = await client.query<{ migration_name: string }>(
      'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    return new Set(done.rows.map((row) => row.migration_name));
  } finally {
    await client.end();
  }
}

/**
 * migrate brings the database at `ownerUrl` to the newest schema and tells which migrations it applied.
 * It runs Prisma's own engine (its WebAssembly build: the binary one cannot be downloaded everywhere), so `prisma migrate` stays compatible.
 * The engine is loaded only when there is something to apply: a second start must not pay for it.
 * @param folder the `prisma` folder of the project
 */
export async function migrate(ownerUrl: string, folder: string): Promise<string[]> {
  const baseDir = join(folder, 'migrations');
  const names = (await readdir(baseDir, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const done = await applied(ownerUrl);
  if (names.every((name) => done.has(name))) return [];

  const { SchemaEngine } = await import('@prisma/schema-engine-wasm');
  const { adapter, close } = migrationAdapter(ownerUrl);
  const datamodel = await readFile(join(folder, 'schema.prisma'), 'utf8');
  const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => undefined, adapter);
  try {
    const migrationDirectories = await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(join(baseDir, name, 'migration.sql'), 'utf8') },
        },
      })),
    );
    const result = await engine.applyMigrations({
      migrationsList: {
        baseDir,
        lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
        shadowDbInitScript: '',
        migrationDirectories,
      },
      filters: noFilter,
    });
    return result.appliedMigrationNames;
  } catch (cause) {
    throw new Fault('store_unavailable', {
      internal: `migration failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  } finally {
    engine.free();
    await close();
  }
}

/** diffSchema prints the SQL that leads from an empty database to the Prisma schema; the start of a new migration. */
export async function diffSchema(ownerUrl: string, folder: string): Promise<string> {
  const { SchemaEngine } = await import('@prisma/schema-engine-wasm');
  const { adapter, close } = migrationAdapter(ownerUrl);
  const content = await readFile(join(folder, 'schema.prisma'), 'utf8');
  const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', content]] }, () => undefined, adapter);
  const result = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] },
    script: true,
    exitCode: null,
    filters: noFilter,
  });
  engine.free();
  await close();
  return result.stdout ?? '';
}
