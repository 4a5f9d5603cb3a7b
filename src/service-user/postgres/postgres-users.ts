/** Applications' roles, behind the seam of providers. A role has one password, so that two of them overlap where one could not. */
import type { Clock } from '../../clock.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type {
  Credential,
  CredentialKind,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
  Staging,
} from '../provider.ts';
import {
  foreign,
  groupRemarkPattern,
  type LoginRole,
  loginStatements,
  ownership,
  type RoleNames,
  readRoles,
  remarkOfGroup,
  remarkOfLogin,
  roleNames,
} from './roles.ts';
import { connect, type Quoting, quoting, type Session } from './session.ts';
import { SessionStore } from './session-store.ts';
import type { PostgresSettings } from './settings.ts';
import { wantedGroups } from './wanted-groups.ts';

const pageSize = 500;

export class PostgresUsers implements OpenProvider {
  readonly traits: ProviderTraits = { kinds: { password: { oldEndsAt: 'retire' } }, most: 2 };
  readonly concurrency: number;
  readonly #settings: PostgresSettings;
  readonly #random: Random;
  readonly #sessions: SessionStore;

  constructor(
    settings: PostgresSettings,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#settings = settings;
    this.#random = random;
    this.concurrency = settings.concurrency;
    this.#sessions = new SessionStore(settings.place, settings.login, clock, settings.concurrency);
  }

  ensure(user: ServiceUser, turn: ProviderTurn): Promise<void> {
    return this.#use(user.username, turn, async (session, names, quote) => {
      const { group, logins } = await readRoles(session, names);
      if (group !== undefined && group.application !== user.application) throw foreign(names.group);
      const role = quote.name(names.group);
      const made =
        group === undefined ? [`CREATE ROLE ${role} NOLOGIN`, ...ownership(quote, names.group, session)] : [];
      await session.run([
        ...made,
        ...(await wantedGroups(session, quote, this.#settings, user)),
        ...(group?.disabled === true ? switched(quote, logins, 'LOGIN') : []),
        `COMMENT ON ROLE ${role} IS ${quote.text(remarkOfGroup(user.application, false))}`,
      ]);
    });
  }

  disable(username: string, turn: ProviderTurn): Promise<void> {
    return this.#use(username, turn, async (session, names, quote) => {
      const { group, logins } = await readRoles(session, names);
      if (group === undefined) return;
      await session.run([
        ...switched(quote, logins, 'NOLOGIN'),
        `COMMENT ON ROLE ${quote.name(names.group)} IS ${quote.text(remarkOfGroup(group.application, true))}`,
      ]);
      await endSessions(session, names);
    });
  }

  delete(username: string, turn: ProviderTurn): Promise<void> {
    return this.#use(username, turn, async (session, names, quote) => {
      const { group, logins } = await readRoles(session, names);
      const all = [...logins.map(({ name }) => name), ...(group === undefined ? [] : [names.group])];
      if (all.length === 0) return;
      // First, so that no session opens behind the one that is ended.
      await session.run(switched(quote, logins, 'NOLOGIN'));
      await endSessions(session, names);
      await refuseOwners(session, all);
      // They own nothing: what goes are rights in this database.
      await session.run(
        all.flatMap((name) => [`DROP OWNED BY ${quote.name(name)}`, `DROP ROLE ${quote.name(name)}`]),
      );
    });
  }

  async list(prefix: string, after: string | undefined, { signal }: ProviderTurn) {
    const rows = await this.#sessions.use(signal, (session) =>
      session.rows(
        `SELECT name, remark LIKE 'coffer: disabled %' AS disabled FROM (
           SELECT r.rolname::text COLLATE "C" AS name, pg_catalog.shobj_description(r.oid, 'pg_authid') AS remark
             FROM pg_catalog.pg_roles r WHERE pg_catalog.starts_with(r.rolname::text, $1)) found
         WHERE remark ~ $2 AND name > $3 COLLATE "C" ORDER BY name LIMIT ${pageSize}`,
        [prefix, groupRemarkPattern, after ?? ''],
      ),
    );
    const users = rows.map(({ name, disabled }) => ({ username: String(name), disabled: disabled === true }));
    const last = users.at(-1);
    return last === undefined || users.length < pageSize ? { users } : { users, next: last.username };
  }

  stage(user: ServiceUser, staging: Staging, turn: ProviderTurn): Promise<Credential> {
    const { kind, generation, proposed, current } = staging;
    return this.#use(user.username, turn, async (session, names, quote) => {
      const { group, logins } = await readRoles(session, names);
      if (group === undefined)
        throw new CofferError('unavailable', 'the user is not there (any more); try again');
      const [first, second] = names.logins;
      const name = current?.id === first ? second : first;
      // Loaded where it is used; the plain password never leaves this process.
      const { scramVerifier } = await import('../../crypto/scram-verifier.ts');
      const verifier = await scramVerifier(proposed, this.#random);
      const exists = logins.some((login) => login.name === name);
      await session.run(loginStatements(quote, { name, exists, verifier }, names.group, session));
      return { kind, generation, id: name, secret: proposed, reference: name };
    });
  }

  async verify(user: ServiceUser, { id, secret }: Credential, { signal }: ProviderTurn) {
    if (!roleNames(user.username).logins.some((name) => name === id)) return 'refused' as const;
    const login = { username: id, password: secret ?? '' };
    const session = await connect(this.#settings.place, login, signal);
    session?.close();
    return session === undefined ? ('refused' as const) : ('accepted' as const);
  }

  /** Both are good, and stay so. */
  async commit(): Promise<void> {}

  /** Sessions go on: they end with `revokeSessions`, or by themselves. */
  retireOthers(
    user: ServiceUser,
    _kind: CredentialKind,
    keep: readonly Credential[],
    turn: ProviderTurn,
  ): Promise<void> {
    return this.#use(user.username, turn, async (session, names, quote) => {
      const { logins } = await readRoles(session, names);
      const old = logins.filter(({ name, retired }) => !retired && !keep.some(({ id }) => id === name));
      await session.run(
        old.flatMap(({ name }) => [
          `ALTER ROLE ${quote.name(name)} NOLOGIN PASSWORD NULL`,
          `COMMENT ON ROLE ${quote.name(name)} IS ${quote.text(remarkOfLogin(names.group, true))}`,
        ]),
      );
    });
  }

  revokeSessions(user: ServiceUser, turn: ProviderTurn): Promise<void> {
    return this.#use(user.username, turn, async (session, names) => {
      await readRoles(session, names);
      await endSessions(session, names);
    });
  }

  close(): void {
    this.#sessions.close();
  }

  async #use<T>(
    username: string,
    { signal }: ProviderTurn,
    action: (session: Session, names: RoleNames, quote: Quoting) => Promise<T>,
  ): Promise<T> {
    const names = roleNames(username);
    const quote = await quoting();
    return this.#sessions.use(signal, (session) => action(session, names, quote));
  }
}

function switched(quote: Quoting, logins: readonly LoginRole[], to: 'LOGIN' | 'NOLOGIN'): readonly string[] {
  return logins.filter(({ retired }) => !retired).map(({ name }) => `ALTER ROLE ${quote.name(name)} ${to}`);
}

async function endSessions(session: Session, { logins }: RoleNames): Promise<void> {
  await session.rows(
    'SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = ANY($1::name[])',
    [logins],
  );
}

/** Objects are never dropped. Throws `invalid_request` where a role has some, in whichever database. */
async function refuseOwners(session: Session, names: readonly string[]): Promise<void> {
  const owners = await session.rows(
    `SELECT DISTINCT r.rolname::text AS name FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
       WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o' AND r.rolname = ANY($1::name[])`,
    [names],
  );
  const [owner] = owners;
  if (owner === undefined) return;
  throw new CofferError(
    'invalid_request',
    `role ${JSON.stringify(String(owner['name']))} owns something and is not deleted; nobody can log in by it any more: REASSIGN OWNED or DROP OWNED in its databases, and it is deleted with the next try`,
  );
}
