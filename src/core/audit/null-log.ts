/** Keeps nothing. For a server that keeps nothing anyway (`--dev`); using it elsewhere gives up the audit log. */
import type { KeyObject } from 'node:crypto';
import type { AuditLog } from './audit.ts';
import { keyedDigest } from './digest.ts';
import { redactAnswer, redactRequest } from './redact.ts';

/** Redacts and digests as a real log does, so that whoever prints an entry prints no secret. */
export function nullAuditLog(digestKey: KeyObject): AuditLog {
  const digest = keyedDigest(digestKey);
  return {
    append: () => Promise.resolve(),
    digest,
    redactRequest: (data, fields, clear) => redactRequest(data, fields, digest, clear),
    redactAnswer: (data, schema, clear) => redactAnswer(data, schema, digest, clear),
    close: () => Promise.resolve(),
    health: () => undefined,
  };
}
