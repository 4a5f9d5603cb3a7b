/** Lines of the audit log for what happens to the keyring without a request: they are the only trace of it there. */
import type { AuditLog } from '../audit/audit.ts';

/** A term was added because its time had come, or the one before had sealed enough. */
export function announceRotation(audit: AuditLog, term: number): Promise<void> {
  return audit.append({ type: 'event', event: 'keyring rotated by itself', term }, 'disk');
}

/** Every record is sealed under `term`: older terms seal nothing any more, and some of their keys are gone. */
export function announceTerms(
  audit: AuditLog,
  did: { readonly term: number; readonly retired: readonly number[]; readonly dropped: readonly number[] },
): Promise<void> {
  const { term, retired, dropped } = did;
  return audit.append(
    { type: 'event', event: 'records sealed anew', term, retired: [...retired], dropped: [...dropped] },
    'disk',
  );
}
