/** What ends a role for which no statements are given: its sessions, its rights in this database, and the role. */

type Rows = (sql: string, values: readonly string[]) => Promise<readonly Record<string, unknown>[]>;
type Run = (sql: string) => Promise<void>;

/** Schemas in which the role has rights: on the schema, on what is in it, or on columns. */
const schemas = `
SELECT n.nspname AS name FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n, aclexplode(n.nspacl) a
  WHERE r.rolname = $1 AND a.grantee = r.oid
UNION SELECT n.nspname FROM pg_catalog.pg_roles r, pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
  WHERE r.rolname = $1 AND a.grantee = r.oid
UNION SELECT n.nspname FROM pg_catalog.pg_roles r, pg_catalog.pg_attribute t
  JOIN pg_catalog.pg_class c ON c.oid = t.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
  WHERE r.rolname = $1 AND a.grantee = r.oid
UNION SELECT n.nspname FROM pg_catalog.pg_roles r, pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
  WHERE r.rolname = $1 AND a.grantee = r.oid`;

const terminate = 'SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = $1';

export async function revokeEverything(
  username: string,
  rows: Rows,
  run: Run,
  quoted: (name: string) => string,
): Promise<void> {
  const role = quoted(username);
  // First, so that no session opens behind the one that is ended.
  await unlessRefused(run(`ALTER ROLE ${role} NOLOGIN`));
  await unlessRefused(rows(terminate, [username]));
  for (const { name } of await rows(schemas, [username])) {
    const schema = quoted(String(name));
    for (const kind of ['TABLES', 'SEQUENCES', 'FUNCTIONS']) {
      await unlessRefused(run(`REVOKE ALL PRIVILEGES ON ALL ${kind} IN SCHEMA ${schema} FROM ${role}`));
    }
    await unlessRefused(run(`REVOKE ALL PRIVILEGES ON SCHEMA ${schema} FROM ${role}`));
  }
  const [current] = await rows('SELECT current_database() AS name', []);
  await unlessRefused(
    run(`REVOKE ALL PRIVILEGES ON DATABASE ${quoted(String(current?.['name']))} FROM ${role}`),
  );
  await run(`DROP ROLE IF EXISTS ${role}`);
}

/** What the configured user may not take away is no reason to leave the role: dropping it says whether something is left. */
async function unlessRefused(step: Promise<unknown>): Promise<void> {
  await step.catch((error: unknown) => {
    if ((error as { readonly code?: unknown }).code !== 'invalid_request') throw error;
  });
}
