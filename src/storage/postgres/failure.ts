/** What the server or the way to it said, in our own words: its texts quote statements and names, so only its codes go further. */
import { CofferError } from '../../errors.ts';

/** SQLSTATE of an error that the server sent. */
export function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}

/** Serialisation failures and deadlocks: the server undid everything, and wants it to be tried again. */
export function mayTryAgain(state: string | undefined): boolean {
  return state === '40001' || state === '40P01';
}

/** The server ended the connection, or is about to: classes 08, 57P and 58, and what has no code at all. */
export function isCut(state: string | undefined): boolean {
  return state === undefined || state.startsWith('08') || state.startsWith('57P') || state.startsWith('58');
}

/** The server takes no writes any more: another one does by now, or nobody. What is asked of this one may be old. */
export function isDemoted(state: string | undefined): boolean {
  return state === '25006';
}

const meanings: Readonly<Record<string, string>> = {
  '28000': 'the server refuses the login',
  '28P01': 'the server refuses the password',
  '26000': 'a pooler takes prepared statements away: it has to keep one session for each connection',
  '3D000': 'there is no such database',
  '3F000': 'there is no such schema',
  '42501': 'the user may not do that',
  '42P01': 'a table of the store is gone',
  '53300': 'the server has no connection left',
  '57P01': 'it is being shut down',
  '57P02': 'it is restarting after a crash',
  '57P03': 'it is starting up or shutting down',
};

/**
 * Why the store did not answer. `outcome` says what became of the work: nothing for reads.
 *
 * `storage_full` for a full disk, `unavailable` else.
 */
export function failureOf(error: unknown, outcome = ''): CofferError {
  if (error instanceof CofferError) return error;
  const state = stateOf(error);
  const cause = causeOf(error);
  if (state === '53100') {
    return new CofferError('storage_full', 'the disk of PostgreSQL is full; nothing was written', { cause });
  }
  return new CofferError('unavailable', `the store did not answer: ${reasonOf(error, state)}${outcome}`, {
    cause,
  });
}

function reasonOf(error: unknown, state: string | undefined): string {
  if (state === '57014' || state === '55P03' || isTimeout(error)) return 'PostgreSQL took too long';
  if (isDemoted(state)) return 'PostgreSQL takes no writes (a replica, or read only)';
  if (state === undefined)
    return tlsReasonOf(error) ?? 'PostgreSQL cannot be reached, or broke the connection';
  const meaning = meanings[state];
  return `PostgreSQL cannot serve: ${meaning === undefined ? `SQLSTATE ${state}` : `${meaning} (SQLSTATE ${state})`}`;
}

/** What Node and the driver say of TLS; theirs are codes and words of no secret. */
function tlsReasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.message === 'The server does not support SSL connections') {
    return 'PostgreSQL has no TLS here, and sslmode wants it';
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /CERT|SIGNATURE|ERR_TLS|ERR_SSL/.test(code)
    ? `the certificate of PostgreSQL is not one to trust (${code}); see sslmode and sslrootcert`
    : undefined;
}

/** A deadline is over. The driver's own words: it has no codes for them. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && ['Query read timeout', 'timeout expired'].includes(error.message);
}

/** The message alone: the driver hangs the connection, with all that it knows, on some of its errors. */
function causeOf(error: unknown): Error | undefined {
  return error instanceof Error ? new Error(error.message) : undefined;
}
