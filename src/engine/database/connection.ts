/** The configuration of one database at rest. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { TlsFields } from './plugin.ts';

/** A new password of the configured user that may or may not be the database's already. */
export interface PendingPassword {
  readonly password: string;
  /** Milliseconds until which whoever began it may still be at it. */
  readonly busyUntil: number;
}

export interface Connection {
  /** As it was configured: one of a plug-in's names. */
  readonly plugin: string;
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly pending?: PendingPassword | undefined;
  /** Names, with `*` for any text; none allows no role. */
  readonly allowedRoles: readonly string[];
  readonly rootRotationStatements: readonly string[];
  readonly passwordPolicy: string;
  /** Statements get what the database keeps of a password, not the password. */
  readonly hashed: boolean;
  /** Empty for the plug-in's own. */
  readonly usernameTemplate: string;
  readonly verifyConnection: boolean;
  readonly mostOpen: number;
  readonly mostIdle: number;
  /** Seconds; 0 sets no limit. */
  readonly lifetime: number;
  readonly tls: TlsFields;
}

export const connectionFolder = 'config/';

export function connectionPath(name: string): string {
  return connectionFolder + name;
}

export function encodeConnection(connection: Connection): Buffer {
  return encodeStored(connection);
}

export function decodeConnection(bytes: Buffer): Connection {
  return decodeStored<Connection>(bytes);
}

/** Whether the configuration lets this role use it. */
export function allowsRole({ allowedRoles }: Connection, role: string): boolean {
  return allowedRoles.some((allowed) => {
    const [first = '', ...rest] = allowed.split('*');
    if (rest.length === 0) return allowed === role;
    const last = rest.pop() ?? '';
    if (!role.startsWith(first) || role.length < first.length + last.length || !role.endsWith(last))
      return false;
    let at = first.length;
    const end = role.length - last.length;
    for (const part of rest) {
      const found = role.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  });
}

/** Throws `invalid_request` for what cannot be the name of a database, a role or a static role. */
export function parseName(text: string | undefined): string {
  if (text !== undefined && /^\w(?:[\w.-]{0,126}\w)?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a name has 1 to 128 letters, digits, "_", "-" and ".", and begins and ends with a letter, digit or "_"',
  );
}
