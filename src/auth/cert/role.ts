/** Roles at rest: whose certificates they take, what these must say, and the indexes by which a login finds them. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View, ViewWrite } from '../../core/view.ts';
import { sha256 } from '../../crypto/digest.ts';
import type { ParsedCertificate } from '../../crypto/x509/certificate.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { canonicalRoleName } from '../role-records.ts';
import type { TokenSettings } from '../token-fields.ts';
import type { Constraints } from './constraints.ts';

export interface RoleRecord {
  readonly name: string;
  /** A uuid: tokens are of this role, not of what has the name later. */
  readonly id: string;
  /** PEM, as it was written: certificates of authorities, or the one of a client. */
  readonly certificate: string;
  /** Where the indexes name this role: paths of `indexPaths`. */
  readonly indexed: readonly string[];
  readonly constraints: Constraints;
  /** Empty for the role's name. */
  readonly displayName: string;
  readonly token: TokenSettings;
  readonly oldNames: readonly string[];
}

export interface ReadRole {
  readonly role: RoleRecord;
  readonly revision: Revision;
}

export const roleFolder = 'role/';

export function rolePath(name: string): string {
  return roleFolder + name;
}

/** Roles that take this very certificate. */
export function pinFolder(certificate: ParsedCertificate): string {
  return `pin/${certificate.fingerprint}/`;
}

/** Roles with an authority of this name, in DER. */
export function authorityFolder(subject: Buffer): string {
  return `authority/${sha256(subject).toString('base64url')}/`;
}

/** Where a role with these certificates is found by a login. */
export function indexPaths(name: string, certificates: readonly ParsedCertificate[]): readonly string[] {
  const folders = certificates.map((one) =>
    one.isAuthority ? authorityFolder(one.subject) : pinFolder(one),
  );
  return [...new Set(folders)].map((folder) => folder + name);
}

/** A role's name in its canonical form: ASCII letters fold to lower case, as Vault's do. Throws `invalid_request`. */
export function parseName(text: string | undefined): string {
  const name = canonicalRoleName(text ?? '');
  if (name !== undefined) return name;
  throw new CofferError(
    'invalid_request',
    'a name begins with a letter a–z or a digit, and letters, digits, ".", "_" and "-" follow, 128 in all',
  );
}

export async function readRole(view: View, name: string): Promise<ReadRole | undefined> {
  return decodeRole(await view.read(rolePath(name)));
}

export function decodeRole(sealed: Awaited<ReturnType<View['read']>>): ReadRole | undefined {
  if (sealed === undefined) return undefined;
  return { role: decodeStored<RoleRecord>(sealed.open()), revision: sealed.revision };
}

/** What changes from one state of a role to the next, indexes included; null is none. */
export function roleWrites(before: RoleRecord | null, after: RoleRecord | null): readonly ViewWrite[] {
  const name = (after ?? before)?.name ?? '';
  const kept = new Set(after?.indexed ?? []);
  const had = new Set(before?.indexed ?? []);
  return [
    { path: rolePath(name), value: after === null ? null : encodeStored(after) },
    ...[...had].filter((path) => !kept.has(path)).map((path) => ({ path, value: null })),
    ...[...kept].filter((path) => !had.has(path)).map((path) => ({ path, value: marker })),
  ];
}

const marker = Buffer.from('{}');
