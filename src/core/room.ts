/** What is done while the store's disk is full. */
import { CofferError } from '../errors.ts';
import type { ApiPath } from './path.ts';
import type { Operation, Request } from './request.ts';

/** What lessens harm: ending what was handed out, deleting, sealing. */
export type IsUrgent = (operation: Operation, path: ApiPath) => boolean;

/** Whether a request has to wait for room: all that are neither urgent nor reads. Wrapping an answer writes it. */
export function waitsForRoom({ operation, path, wrapTtl }: Request, isUrgent: IsUrgent | undefined): boolean {
  if (wrapTtl > 0) return true;
  const reads = operation === 'read' || operation === 'list' || operation === 'scan' || operation === 'help';
  return !reads && isUrgent?.(operation, path) !== true;
}

export function storageFull(): CofferError {
  return new CofferError(
    'storage_full',
    'the disk of the store is full: until there is room only reading, revoking, deleting and sealing go on',
  );
}
