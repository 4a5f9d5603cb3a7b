/**
 * What goes wrong with a table, for clients of a server. They have no rights at AWS and cannot set right what is wrong there: a
 * table that the server may not use is not theirs to be denied, and one that is missing is no secret that is not there. What
 * AWS said, with the names of roles and keys, is the cause, for the log.
 */
import { AwsError, type AwsReason } from '../aws/aws-error.ts';
import { asCofferError, CofferError } from '../errors.ts';

const contextIsAnother =
  'the item does not open: the encryption context that the mount’s config and the request’s "context" give is not the one it was written under, or the item was changed';

/** Reasons that pass by themselves. */
const passing: readonly AwsReason[] = ['network', 'timeout', 'aws-fault'];

export function tableError(thrown: unknown): CofferError {
  const error = asCofferError(thrown);
  const cause = error instanceof AwsError ? error : error.cause;
  if (error.code === 'usage') return new CofferError('invalid_request', error.message, { cause: error });
  if (error.code === 'wrong_key') return new CofferError('wrong_key', contextIsAnother, { cause: error });
  if (!(cause instanceof AwsError)) return error;
  // Of one item: others may well open.
  if (error.code === 'permission_denied' && error !== cause) {
    return new CofferError(
      'permission_denied',
      'KMS does not unwrap the data key of this item for the server: its key is another, or not the server’s to use',
      { cause },
    );
  }
  if (cause.reason === 'throttled') {
    return new CofferError('rate_limited', 'AWS throttles the table of this mount: try again later', {
      cause,
    });
  }
  if (passing.includes(cause.reason)) {
    return new CofferError(
      'unavailable',
      'AWS does not answer for the table of this mount: try again later',
      {
        cause,
      },
    );
  }
  return new CofferError(
    'unavailable',
    `the server cannot use the table of this mount (${cause.reason}); its log says more`,
    { cause },
  );
}
