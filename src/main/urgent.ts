import type { AuditEntry } from '../core/audit/audit.ts';
import { isJsonObject } from '../json.ts';

/**
 * What must still be possible on a full disk: ending what was handed out, deleting, and sealing. What was refused is not:
 * somebody without rights could use up the room that is kept.
 */
export function isUrgent(entry: AuditEntry): boolean {
  if (entry.type === 'event') return false;
  if (entry.type === 'request' && !isAllowed(entry['decision'])) return false;
  const path = typeof entry['path'] === 'string' ? entry['path'] : '';
  return (
    entry['operation'] === 'delete' ||
    path === 'sys/seal' ||
    /^sys\/(leases\/)?revoke(-prefix|-force)?(\/|$)/.test(path) ||
    /^auth\/token\/revoke/.test(path)
  );
}

function isAllowed(decision: unknown): boolean {
  return isJsonObject(decision) && decision['kind'] === 'allow';
}
