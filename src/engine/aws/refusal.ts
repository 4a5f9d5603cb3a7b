/** What goes wrong with AWS, as callers are told: enough to act on, and nothing of the identity that the mount asks with. */
import { AwsError, type AwsReason } from '../../aws/aws-error.ts';
import { asCofferError, CofferError, type ErrorCode } from '../../errors.ts';

/** What AWS refuses is refused again by asking again; clients repeat what is `unavailable`. */
const codes: Readonly<Partial<Record<AwsReason, ErrorCode>>> = {
  denied: 'invalid_request',
  'not-found': 'invalid_request',
  invalid: 'invalid_request',
  conflict: 'invalid_request',
  throttled: 'rate_limited',
};

/** @param what is being done, as in `make a session of role "app"` */
export function toldToCallers(error: unknown, what: string): CofferError {
  if (!(error instanceof AwsError)) return asCofferError(error);
  const code = codes[error.reason] ?? 'unavailable';
  if (error.reason === 'bad-credentials' || error.reason === 'no-credentials') {
    return new CofferError(code, `cannot ${what}: AWS does not take the keys of this mount’s config/root`, {
      cause: error,
    });
  }
  return new CofferError(code, `cannot ${what}: ${withoutIdentity(error.message)}`, { cause: error });
}

/** Who was denied is for the log, and for whoever is told of refusals. */
function withoutIdentity(message: string): string {
  return message.replace(/ to arn:aws[\w-]*:\S+(?=: allow)/, '');
}

export function isUnknownToAws(error: unknown): boolean {
  return error instanceof AwsError && error.reason === 'not-found';
}
