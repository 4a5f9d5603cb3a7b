/** Roles at rest: what their users are made by. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';

export interface Role {
  /** Name of the connection. */
  readonly connection: string;
  readonly creation: readonly string[];
  readonly revocation: readonly string[];
  readonly rollback: readonly string[];
  readonly renewal: readonly string[];
  /** Seconds; 0 for the mount's. */
  readonly defaultTtl: number;
  readonly maxTtl: number;
}

export const roleFolder = 'role/';

export function rolePath(name: string): string {
  return roleFolder + name;
}

export function encodeRole(role: Role): Buffer {
  return encodeStored(role);
}

export function decodeRole(bytes: Buffer): Role {
  return decodeStored<Role>(bytes);
}
