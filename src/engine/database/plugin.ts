/**
 * The seam of databases: what the engine needs of one kind of server. A plug-in opens sessions; pools, leases, records and rules
 * are the engine's.
 *
 * - `createUser` is whole or not at all where the database can do that; where it cannot, what was half made is taken back at once.
 * - `dropUser` may come twice, or for a user that never was: what is gone is success. Sessions of the user end with it as far as
 *   the login may end them.
 * - Refusals are `invalid_request`: the database has said no, and nothing of what was asked is there. `unavailable` is everything
 *   else, a session that broke in the middle too: what was asked may have happened.
 * - No error and no cause carries text of the database's: it quotes statements, and with them passwords.
 * - Each call is bounded by `SessionLimits`; a session that ran into a bound is not `usable` any more.
 */
import type { Random } from '../../crypto/random.ts';
import type { StatementSyntax } from './statement.ts';

/** What may stand in a connection's URL in place of a user and a password. */
export interface LoginTexts {
  readonly username: string;
  readonly password: string;
}

export interface TlsWish {
  /** `encrypt` believes any certificate, `verify-ca` one of a known authority, `verify-full` only the server's own name. */
  readonly mode: 'off' | 'encrypt' | 'verify-ca' | 'verify-full';
  /** PEM texts. */
  readonly authority?: string | undefined;
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  /** The name to look for in the certificate, if not the host's. */
  readonly serverName?: string | undefined;
}

/** A server, and as whom to log in there. */
export interface Target extends LoginTexts {
  readonly host: string;
  readonly port: number;
  /** A path of a socket in place of host and port. */
  readonly socket?: string | undefined;
  readonly database: string;
  readonly tls: TlsWish;
}

/** Fields of a configuration that are about TLS. */
export interface TlsFields {
  readonly authority?: string | undefined;
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly serverName?: string | undefined;
  readonly skipVerify?: boolean | undefined;
}

/** Milliseconds. */
export interface SessionLimits {
  /** For connection and login. */
  readonly connect: number;
  /** For one statement, at the server where it knows such a limit. */
  readonly statement: number;
}

export interface NewUser {
  readonly username: string;
  readonly password: string;
  /** When the user ends, as a text of the database's. */
  readonly expiration: string;
  readonly statements: readonly string[];
  /** What takes back a creation that came half way. */
  readonly rollback: readonly string[];
}

/** One login. Calls come one after the other. */
export interface Session {
  /** False once nothing more can be asked of it. */
  readonly usable: boolean;
  userExists(username: string): Promise<boolean>;
  createUser(user: NewUser): Promise<void>;
  /** Without statements the plug-in's own; there may be none. */
  renewUser(username: string, expiration: string, statements: readonly string[]): Promise<void>;
  /** Sets a user's password. */
  setPassword(username: string, password: string, statements: readonly string[]): Promise<void>;
  /** Sets the password of the login that this session is. */
  setOwnPassword(username: string, password: string, statements: readonly string[]): Promise<void>;
  /** Without statements the plug-in's own. */
  dropUser(username: string, statements: readonly string[]): Promise<void>;
  /** At once, whatever is under way. */
  close(): void;
}

export type Connected =
  | { readonly kind: 'session'; readonly session: Session }
  /** The server is there and refuses the user or the password. */
  | { readonly kind: 'login-refused' };

/** One row of the table of databases. */
export interface Usernames {
  /** In use where the configuration has none. */
  readonly template: string;
  /** Bytes. */
  readonly longest: number;
  /** What the template makes has at least 100 bits of chance: nobody has such a name already. */
  readonly unique: boolean;
}

export interface DatabasePlugin {
  /** Values of `plugin_name`. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly syntax: StatementSyntax;
  /** How users are called, for a `plugin_name`. */
  usernames(name: string): Usernames;
  /** Reads a connection's URL. Throws `invalid_request` for what is not understood; never quotes it. */
  parseUrl(url: string, login: LoginTexts, tls: TlsFields): Target;
  /** The URL without any password that stands in it; says whether there was one. */
  maskUrl(url: string): { readonly url: string; readonly masked: boolean };
  /** What the database keeps of a password and takes in place of it; absent where it takes passwords only. */
  hashPassword?(password: string, random: Random): Promise<string>;
  /** Loads the driver and logs in. Throws `unavailable`. */
  login(target: Target, limits: SessionLimits): Promise<Connected>;
}
