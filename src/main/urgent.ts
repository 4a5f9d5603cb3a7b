import type { AuditEntry } from '../core/audit/audit.ts';
import { RawJson } from '../core/request.ts';
import { isJsonObject } from '../json.ts';

/**
 * What must still be possible on a full disk: ending what was handed out, deleting, and sealing. What was refused is not:
 * somebody without rights could use up the room that is kept.
 */
export function isUrgent(entry: AuditEntry): boolean {
  if (entry.type === 'event') return false;
  if (entry.type === 'request' && !isAllowed(entry['decision'])) return false;
  const { operation, path } = entry;
  return isUrgentRequest(
    typeof operation === 'string' ? operation : '',
    typeof path === 'string' ? path : '',
  );
}

export function isUrgentRequest(operation: string, path: string): boolean {
  return operation === 'delete' || path === 'sys/seal' || revocations.some((each) => each.test(path));
}

const revocations: readonly RegExp[] = [
  /^sys\/(leases\/)?revoke(-prefix|-force)?(\/|$)/,
  /^auth\/token\/revoke/,
  /^auth\/.+\/secret-id(-accessor)?\/destroy$/,
];

/** The road hands a decision over as the text that it made of it. */
function isAllowed(decision: unknown): boolean {
  const plain: unknown = decision instanceof RawJson ? JSON.parse(decision.text) : decision;
  return isJsonObject(plain) && plain['kind'] === 'allow';
}
