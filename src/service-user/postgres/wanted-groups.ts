/** What an application's role is a member of: what the options name, and roles that its scopes stand for. */
import { CofferError } from '../../errors.ts';
import type { ServiceUser } from '../provider.ts';
import type { Quoting, Session } from './session.ts';
import { longestRole, type PostgresSettings } from './settings.ts';

/**
 * Statements that grant what is missing, and take back what scopes no longer stand for. Who writes scopes is not who administers the database: a
 * scope leads to a role of the configured prefix, and to none without one.
 */
export async function wantedGroups(
  session: Session,
  quote: Quoting,
  { memberOf, scopePrefix }: Pick<PostgresSettings, 'memberOf' | 'scopePrefix'>,
  { username, scopes }: ServiceUser,
): Promise<readonly string[]> {
  const ofScopes =
    scopePrefix === undefined
      ? []
      : scopes.map(({ resourceType, id }) =>
          checkedRole(scopePrefix + (resourceType === '' ? id : `${resourceType}.${id}`)),
        );
  const wanted = new Set([...memberOf, ...ofScopes]);
  const rows = await session.rows(
    `SELECT g.rolname::text AS name FROM pg_catalog.pg_auth_members m
       JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member
       WHERE u.rolname = $1`,
    [username],
  );
  const has = new Set(rows.map(({ name }) => String(name)));
  const role = quote.name(username);
  const isTooMuch = (name: string) =>
    scopePrefix !== undefined && name.startsWith(scopePrefix) && !wanted.has(name);
  return [
    ...[...has].filter(isTooMuch).map((name) => `REVOKE ${quote.name(name)} FROM ${role}`),
    ...[...wanted].filter((name) => !has.has(name)).map((name) => `GRANT ${quote.name(name)} TO ${role}`),
  ];
}

/** A longer name would be cut by the server, and be another's. */
function checkedRole(name: string): string {
  if (Buffer.byteLength(name) <= longestRole && name.isWellFormed() && !/\p{Cc}/u.test(name)) return name;
  throw new CofferError(
    'invalid_request',
    `a scope stands for a role, whose name has at most ${longestRole} bytes with scope_prefix`,
  );
}
