/**
 * The roles of one application: a group role that has the rights and owns what the application makes, and two that log in, members of it, whose
 * passwords take turns. Comments on roles say whose they are; roles without them are somebody else's, and are not touched.
 */
import { CofferError } from '../../errors.ts';
import type { Quoting, Session } from './session.ts';
import { longestRole } from './settings.ts';

export interface RoleNames {
  readonly group: string;
  readonly logins: readonly [string, string];
}

export interface LoginRole {
  readonly name: string;
  /** Nobody is to log in by it (any more). */
  readonly retired: boolean;
}

export interface KnownRoles {
  /** Undefined where there is no group role. */
  readonly group: { readonly application: string; readonly disabled: boolean } | undefined;
  readonly logins: readonly LoginRole[];
}

const groupRemark = /^coffer: (disabled )?service user of (.*)$/;
/** As a pattern of the server's. */
export const groupRemarkPattern = '^coffer: (disabled )?service user of ';

export function remarkOfGroup(application: string, disabled: boolean): string {
  return `coffer: ${disabled ? 'disabled ' : ''}service user of ${application}`;
}

export function remarkOfLogin(group: string, retired: boolean): string {
  return `coffer: ${retired ? 'retired ' : ''}login of ${group}`;
}

/** Throws `invalid_request` for what makes no names of roles. */
export function roleNames(username: string): RoleNames {
  const isName =
    username !== '' &&
    Buffer.byteLength(username) <= longestRole - 2 &&
    username.isWellFormed() &&
    !/\p{Cc}/u.test(username) &&
    // Those are the server's own.
    !username.startsWith('pg_');
  if (isName) return { group: username, logins: [`${username}_a`, `${username}_b`] };
  throw new CofferError(
    'invalid_request',
    `PostgreSQL takes names of service users of at most ${longestRole - 2} bytes that do not begin with pg_: the mount’s username_prefix and the application’s id together`,
  );
}

/** Throws `invalid_request` where a role of one of these names is somebody else's. */
export async function readRoles(session: Session, { group, logins }: RoleNames): Promise<KnownRoles> {
  const rows = await session.rows(
    `SELECT r.rolname::text AS name, pg_catalog.shobj_description(r.oid, 'pg_authid') AS remark
       FROM pg_catalog.pg_roles r WHERE r.rolname = ANY($1::name[])`,
    [[group, ...logins]],
  );
  const remarks = new Map(rows.map(({ name, remark }) => [String(name), String(remark ?? '')]));
  const ofGroup = remarks.get(group);
  const [, disabled, application] = groupRemark.exec(ofGroup ?? '') ?? [];
  if (ofGroup !== undefined && application === undefined) throw foreign(group);
  return {
    group: application === undefined ? undefined : { application, disabled: disabled !== undefined },
    logins: logins.flatMap((name) => {
      const remark = remarks.get(name);
      if (remark === undefined) return [];
      const retired = remark === remarkOfLogin(group, true);
      if (!retired && remark !== remarkOfLogin(group, false)) throw foreign(name);
      return [{ name, retired }];
    }),
  };
}

/** For a role that is not what its name says. */
export function foreign(name: string): CofferError {
  return new CofferError(
    'invalid_request',
    `PostgreSQL has a role ${JSON.stringify(name)} that is not one of this provider’s for the application: its comment says otherwise`,
  );
}

/** Statements that make or change one role that logs in. @param verifier what the server keeps in place of the password */
export function loginStatements(
  quote: Quoting,
  { name, exists, verifier }: { readonly name: string; readonly exists: boolean; readonly verifier: string },
  group: string,
  session: Session,
): readonly string[] {
  const [role, owner] = [quote.name(name), quote.name(group)];
  return [
    `${exists ? 'ALTER' : 'CREATE'} ROLE ${role} LOGIN PASSWORD ${quote.text(verifier)}`,
    `GRANT ${owner} TO ${role}`,
    // Whichever of the two logs in: what it makes belongs to both.
    `ALTER ROLE ${role} SET role TO ${owner}`,
    `COMMENT ON ROLE ${role} IS ${quote.text(remarkOfLogin(group, false))}`,
    ...(exists ? [] : ownership(quote, name, session)),
  ];
}

/** Ending sessions and taking rights back are for members, where the login may not do everything. */
export function ownership(quote: Quoting, name: string, { isSuperuser }: Session): readonly string[] {
  return isSuperuser ? [] : [`GRANT ${quote.name(name)} TO CURRENT_USER`];
}
