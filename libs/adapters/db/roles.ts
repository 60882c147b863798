import pg from 'pg';

const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * ensureRoles creates what the migrations grant to: the login role of the apps (from `appUrl`, with its password) and `nm_system`,
 * which it may take on with SET ROLE only (NOINHERIT, so that no query is cross-tenant by accident). Idempotent.
 * @param adminUrl a role that may create roles
 */
export async function ensureRoles(adminUrl: string, appUrl: string): Promise<void> {
  const app = new URL(appUrl);
  const password = decodeURIComponent(app.password);
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    // Two migrators may start at once; roles are cluster-wide and CREATE ROLE has no IF NOT EXISTS.
    await client.query('SELECT pg_advisory_lock(7241001)');
    for (const role of ['nm_app', 'nm_system']) {
      const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
      if (!rowCount)
        await client.query(`CREATE ROLE ${role} NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`);
    }
    await client.query(`ALTER ROLE nm_app LOGIN NOINHERIT PASSWORD ${quoteLiteral(password)}`);
    const { rowCount: member } = await client.query(
      `SELECT 1 FROM pg_auth_members WHERE roleid = 'nm_system'::regrole AND member = 'nm_app'::regrole`,
    );
    if (!member) await client.query('GRANT nm_system TO nm_app');
  } finally {
    await client.query('SELECT pg_advisory_unlock(7241001)').catch(() => undefined);
    await client.end();
  }
}
