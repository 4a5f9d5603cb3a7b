/** What goes wrong with AWS, as the seam of providers has it. */
import { AwsError, type AwsReason } from '../../aws/aws-error.ts';
import { asCofferError, CofferError, type ErrorCode } from '../../errors.ts';
import { RateLimited } from '../provider.ts';

const codes: Readonly<Partial<Record<AwsReason, ErrorCode>>> = {
  denied: 'permission_denied',
  'bad-credentials': 'permission_denied',
  'no-credentials': 'permission_denied',
  'no-region': 'invalid_request',
  invalid: 'invalid_request',
};

/** Resolves as the call does. What IAM does not know yet, or has changed meanwhile, is worth another try. */
export async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof AwsError)) throw asCofferError(error);
    // Who is denied is nobody's business but the log's.
    const message = error.message.replace(/ to arn:aws[\w-]*:\S+(?=: allow)/, '');
    if (error.reason === 'throttled') throw new RateLimited(message, undefined);
    throw new CofferError(codes[error.reason] ?? 'unavailable', message, { cause: error });
  }
}
