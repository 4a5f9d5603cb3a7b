/** AppRole's roles and secret ids at rest. */
import { encodeStored } from '../../core/stored-json.ts';
import { noTokenSettings, type TokenSettings } from '../token-fields.ts';

export interface RoleRecord {
  readonly name: string;
  /**
   * A uuid. Secret ids and tokens are of this role, not of whichever has its name: a role that is deleted and made again
   * begins without any.
   */
  readonly id: string;
  readonly roleId: string;
  readonly bindSecretId: boolean;
  readonly secretIdBoundCidrs: readonly string[];
  /** 0 is any number. */
  readonly secretIdNumUses: number;
  /** Seconds; 0 never ends. */
  readonly secretIdTtl: number;
  /** Said at creation and kept; secret ids are on every node either way. */
  readonly localSecretIds?: boolean;
  readonly token: TokenSettings;
  /** Older names of fields by which it was written. */
  readonly oldNames?: readonly string[];
}

export interface SecretIdRecord {
  readonly accessor: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Milliseconds; null never. */
  readonly expiresAt: number | null;
  /** Seconds, as granted. */
  readonly ttl: number;
  /** Logins left; null is any number. */
  readonly usesLeft: number | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly cidrs: readonly string[];
  readonly tokenCidrs: readonly string[];
}

export function newRole(name: string, id: string, roleId: string): RoleRecord {
  return {
    name,
    id,
    roleId,
    bindSecretId: true,
    secretIdBoundCidrs: [],
    secretIdNumUses: 0,
    secretIdTtl: 0,
    token: noTokenSettings,
  };
}

export const roleFolder = 'role/';

export function rolePath(name: string): string {
  return roleFolder + name;
}

/** `digest` is of the role id. */
export function roleIdPath(digest: string): string {
  return `role-id/${digest}`;
}

/** `role` is the role's `id`, here and below. */
export function secretIdFolder(role: string): string {
  return `secret-id/${role}/`;
}

/** `digest` is of the secret id. */
export function secretIdPath(role: string, digest: string): string {
  return secretIdFolder(role) + digest;
}

export function accessorFolder(role: string): string {
  return `accessor/${role}/`;
}

export function accessorPath(role: string, accessor: string): string {
  return accessorFolder(role) + accessor;
}

/** The name of the duty that removes what a deleted role leaves. */
export function leftoversOf(role: string): string {
  return `leftovers/${role}`;
}

export function encodeRecord(
  record: RoleRecord | SecretIdRecord | { readonly role: string } | { readonly digest: string },
): Buffer {
  return encodeStored(record);
}
