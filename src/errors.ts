/**
 * The one family of errors. Code is what a program branches on, message is what a caller may read,
 * cause is for the log. No message ever holds a secret, a token or plaintext.
 */

/** What each code means outside: the HTTP status of an answer and the exit code of a command. */
const outcomes = {
  /** The request is wrong in itself: a field, a path, a name. */
  invalid_request: { status: 400, exit: 2 },
  /** The command line is wrong. */
  usage: { status: 400, exit: 2 },
  /** No token, a token that is not valid, or a rule that does not allow it. */
  permission_denied: { status: 403, exit: 4 },
  /** A policy wants somebody else's consent first. */
  needs_approval: { status: 403, exit: 5 },
  not_found: { status: 404, exit: 3 },
  /** No mount at this path. */
  no_route: { status: 404, exit: 3 },
  /** A mount, but no endpoint at this path. */
  unsupported_path: { status: 404, exit: 3 },
  /** An endpoint, but not for this method. */
  unsupported_operation: { status: 405, exit: 2 },
  /** Somebody else wrote first, or the thing exists already. */
  conflict: { status: 400, exit: 6 },
  payload_too_large: { status: 413, exit: 2 },
  unsupported_media_type: { status: 415, exit: 2 },
  request_timeout: { status: 408, exit: 9 },
  rate_limited: { status: 429, exit: 9 },
  /** A key that opens nothing here: another store's keyfile or share, a mistyped one. */
  wrong_key: { status: 400, exit: 4 },
  /** Something stored is not what was stored: flipped, cut, swapped or moved. */
  integrity: { status: 500, exit: 7 },
  sealed: { status: 503, exit: 8 },
  not_initialized: { status: 503, exit: 8 },
  already_initialized: { status: 400, exit: 6 },
  /** The store is of a newer format, half made, or not where it should be. */
  store_unusable: { status: 503, exit: 10 },
  /** The disk is full: what lessens harm goes on (revoke, delete, seal), everything else waits for room. */
  storage_full: { status: 507, exit: 9 },
  unavailable: { status: 503, exit: 9 },
  internal: { status: 500, exit: 1 },
} as const satisfies Record<string, { readonly status: number; readonly exit: number }>;

export type ErrorCode = keyof typeof outcomes;

/** HTTP status of an error that reaches a client. */
export function statusOf(code: ErrorCode): number {
  return outcomes[code].status;
}

/** Exit code of a command that ends with this error. */
export function exitCodeOf(code: ErrorCode): number {
  return outcomes[code].exit;
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(outcomes, text);
}

/** Every code, for the reference page and for tests. */
export const errorCodes: readonly ErrorCode[] = Object.keys(outcomes).filter(isErrorCode);

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Why, for the audit log alone, where the caller is told less. In words of ours: nothing that was sent, nothing secret. */
  readonly auditReason?: string;
}

export class CofferError extends Error {
  readonly code: ErrorCode;
  readonly auditReason: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'CofferError';
    this.code = code;
    this.auditReason = details.auditReason;
  }
}

/** A commit's expectation did not hold: nothing was written. */
export class ConflictError extends CofferError {
  /** The storage key whose expectation failed. */
  readonly key: string;

  constructor(key: string) {
    super('conflict', 'the stored record changed in the meantime');
    this.name = 'ConflictError';
    this.key = key;
  }
}

/** Labels anything thrown as one of the family, keeping it as the cause. */
export function asCofferError(thrown: unknown): CofferError {
  if (thrown instanceof CofferError) return thrown;
  return new CofferError('internal', 'internal error', { cause: thrown });
}

/** For the branch that the types say is never reached. */
export function assertNever(value: never): never {
  throw new CofferError('internal', `unexpected case: ${typeof value}`);
}
