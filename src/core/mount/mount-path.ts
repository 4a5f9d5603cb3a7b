/** Paths of mounts: as people write them, as entries have them, and where a new one may be. */
import { CofferError } from '../../errors.ts';
import { type MountEntry, type MountKind, parseMountPath } from './entry.ts';
import type { MountTable } from './table.ts';

/** The path under which people know a mount: auth methods without `auth/`. */
export function shownPath(entry: MountEntry): string {
  return entry.kind === 'auth' ? entry.path.slice('auth/'.length) : entry.path;
}

export function fullPath(kind: MountKind, path: string): string | undefined {
  const parsed = parseMountPath(path);
  return parsed === undefined ? undefined : kind === 'auth' ? `auth/${parsed}` : parsed;
}

/** Where a new mount goes. Throws `invalid_request` for a path that cannot be, or one in use. */
export function freePath(kind: MountKind, wanted: string, table: MountTable): string {
  const path = fullPath(kind, wanted);
  if (path === undefined) {
    throw new CofferError(
      'invalid_request',
      'a mount path has letters, digits and . _ ~ @ - between slashes',
    );
  }
  if (kind === 'secret' && /^(sys|cubbyhole|identity|auth|audit)\//.test(path)) {
    throw new CofferError('invalid_request', `cannot mount over "${path}"`);
  }
  const taken = table.conflicting(path);
  if (taken !== undefined) {
    throw new CofferError('invalid_request', `path is already in use at ${shownPath(taken.entry)}`);
  }
  return path;
}
