/** What the system said of a file, in the words and codes of this program. */
import { CofferError } from '../errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'it exists already',
  EFBIG: 'it is too large',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  ELOOP: 'it is a link',
};

/** `ENOSPC` and the like; empty for what is none of the system's. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

export function systemReason(error: unknown): string {
  const code = systemCode(error);
  return reasons[code] ?? (code === '' ? 'unknown reason' : code);
}

/** `storage_full` where there is no room, which may pass; `usage` for all else, which a person has to change. */
export function unwritable(path: string, error: unknown): CofferError {
  if (error instanceof CofferError) return error;
  if (error instanceof Error && 'syscall' in error && error.syscall === 'fchown') {
    const message = `cannot give ${path} to another user: run as root, or take readable_by and group away`;
    return new CofferError('usage', message, { cause: error });
  }
  const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(error));
  return new CofferError(isFull ? 'storage_full' : 'usage', `cannot write ${path}: ${systemReason(error)}`, {
    cause: error,
  });
}

/** `usage`: a file that the configuration names is for a person to put there. */
export function unreadable(path: string, error: unknown): CofferError {
  if (error instanceof CofferError) return error;
  return new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
}
