/** A database and an administrator of a test file's own, on the run's server. */
import { randomBytes } from 'node:crypto';
import { type DatabaseServer, databaseServer, type ServerKind } from './database-server.ts';

export interface DatabasePlace {
  readonly kind: ServerKind;
  readonly server: DatabaseServer;
  /** Name of the database, and of the administrator that it belongs to. */
  readonly name: string;
  readonly password: string;
  /** The value of `plugin_name`. */
  readonly plugin: string;
  /** The value of `connection_url`. */
  readonly url: string;
  /** Asks as the server's owner. */
  sql(statement: string, values?: readonly string[]): Promise<readonly Record<string, unknown>[]>;
  /** Logs in and asks who that is; throws where it may not. */
  whoAmI(username: string, password: string): Promise<string>;
  /** Names of users that begin so. */
  users(prefix: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Undefined where there is no such server; see `databaseServer`. */
export async function databasePlace(kind: ServerKind): Promise<DatabasePlace | undefined> {
  const server = await databaseServer(kind);
  if (server === undefined) return undefined;
  return kind === 'postgresql' ? postgresqlPlace(server) : mariadbPlace(server);
}

async function postgresqlPlace(server: DatabaseServer): Promise<DatabasePlace> {
  const { Client } = await import('pg');
  const { host, port, user, password: ownPassword } = server;
  const name = `place_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const owner = new Client({ host, port, user, password: ownPassword, database: 'postgres' });
  owner.on('error', () => undefined);
  await owner.connect();
  await owner.query(`CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD '${password}'`);
  await owner.query(`CREATE DATABASE ${name} OWNER ${name}`);
  const inside = new Client({ host, port, user, password: ownPassword, database: name });
  inside.on('error', () => undefined);
  await inside.connect();
  await inside.query('CREATE TABLE thing (id int)');
  const sql: DatabasePlace['sql'] = async (statement, values = []) =>
    (await inside.query<Record<string, unknown>>(statement, [...values])).rows;
  return {
    kind: 'postgresql',
    server,
    name,
    password,
    plugin: 'postgresql-database-plugin',
    url: `postgresql://{{username}}:{{password}}@${host}:${port}/${name}?sslmode=disable`,
    sql,
    async whoAmI(username, given) {
      const client = new Client({ host, port, user: username, password: given, database: name });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return String((await client.query<{ name: string }>('SELECT current_user AS name')).rows[0]?.name);
      } finally {
        await client.end();
      }
    },
    async users(prefix) {
      const found = await sql(
        'SELECT rolname AS name FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY 1',
        [prefix],
      );
      return found.map((row) => String(row['name']));
    },
    async close() {
      await inside.end();
      await owner.end();
    },
  };
}

async function mariadbPlace(server: DatabaseServer): Promise<DatabasePlace> {
  const { createConnection, escapeId } = await import('mysql2/promise');
  const { host, port, user, password: ownPassword } = server;
  const name = `place_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const owner = await createConnection({ host, port, user, password: ownPassword, charset: 'utf8mb4' });
  owner.on('error', () => undefined);
  await owner.query(`CREATE USER ${escapeId(name)}@'%' IDENTIFIED BY '${password}'`);
  await owner.query(`GRANT ALL PRIVILEGES ON *.* TO ${escapeId(name)}@'%' WITH GRANT OPTION`);
  await owner.query(`CREATE DATABASE ${escapeId(name)}`);
  await owner.query(`CREATE TABLE ${escapeId(name)}.thing (id int)`);
  const sql: DatabasePlace['sql'] = async (statement, values = []) => {
    const [rows] = await owner.query(statement, [...values]);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  };
  return {
    kind: 'mariadb',
    server,
    name,
    password,
    plugin: 'mysql-database-plugin',
    url: `{{username}}:{{password}}@tcp(${host}:${port})/${name}`,
    sql,
    async whoAmI(username, given) {
      const connection = await createConnection({
        host,
        port,
        user: username,
        password: given,
        charset: 'utf8mb4',
      });
      connection.on('error', () => undefined);
      const [rows] = await connection.query('SELECT CURRENT_USER() AS name');
      connection.destroy();
      const name = String((rows as { readonly name: string }[])[0]?.name);
      return name.slice(0, name.lastIndexOf('@'));
    },
    async users(prefix) {
      const found = await sql(
        'SELECT User AS name FROM mysql.user WHERE LEFT(User, CHAR_LENGTH(?)) = ? ORDER BY 1',
        [prefix, prefix],
      );
      return found.map((row) => String(row['name']));
    },
    close: () => owner.end(),
  };
}
