/** What a call's failure means for the store, in the seam's words. */
import { AwsError, type AwsReason } from '../../aws/aws-error.ts';
import { CofferError } from '../../errors.ts';

/**
 * - `condition`: an expectation did not hold, and nothing was written.
 * - `contended`: another transaction was there, and nothing was done.
 * - `throttled`: there were too many, and nothing was done.
 * - `lost`: no answer, or none that says what became of it.
 * - `refused`: it is not done, and would not be done another time.
 */
export type FailureKind = 'condition' | 'contended' | 'throttled' | 'lost' | 'refused';

const lostReasons: readonly AwsReason[] = ['network', 'timeout', 'aws-fault', 'in-progress', 'unknown'];
const throttledWords = ['ThrottlingError', 'ProvisionedThroughputExceeded', 'RequestLimitExceeded'];

export function failureKind(error: unknown): FailureKind {
  if (!(error instanceof AwsError)) return 'refused';
  const { reason, cancellations } = error;
  if (cancellations.includes('ConditionalCheckFailed')) return 'condition';
  if (cancellations.some((word) => throttledWords.includes(word))) return 'throttled';
  if (cancellations.includes('TransactionConflict')) return 'contended';
  if (cancellations.length > 0) return 'refused';
  if (reason === 'throttled') return 'throttled';
  // A single write that met a transaction.
  if (reason === 'conflict') return 'contended';
  return lostReasons.includes(reason) ? 'lost' : 'refused';
}

/** First pause and longest one, in milliseconds. A transaction is over in a few; capacity takes its time to come. */
const pauses: Partial<Record<FailureKind, readonly [number, number]>> = {
  contended: [10, 400],
  throttled: [50, 3_000],
  lost: [25, 1_000],
};

/** The longest time to wait before the next try, in milliseconds; undefined where there is to be none. */
export function pauseAfter(error: unknown, tries: number): number | undefined {
  const range = pauses[failureKind(error)];
  return range && Math.min(range[1], range[0] * 2 ** Math.min(tries, 16));
}

/**
 * Why the store did not answer: `unavailable`, whoever AWS says is to blame, for it is not whoever asked this server.
 *
 * @param outcome what became of the work; nothing for reads
 */
export function storeFailure(error: unknown, outcome = ''): CofferError {
  if (error instanceof CofferError && !(error instanceof AwsError)) return error;
  const why = error instanceof AwsError ? whyOf(error) : 'something unexpected happened';
  return new CofferError('unavailable', `the store did not answer: ${why}${outcome}`, { cause: error });
}

function whyOf(error: AwsError): string {
  const kind = failureKind(error);
  if (kind === 'contended') return 'other transactions were on the same records all the time';
  if (kind === 'throttled' && error.cancellations.length > 0) {
    return 'DynamoDB throttles the table: try again later, or raise its capacity';
  }
  return error.message;
}

/** What keeps a store from being opened, and would tomorrow. */
const lasting: readonly AwsReason[] = [
  'bad-credentials',
  'denied',
  'disabled',
  'invalid',
  'no-credentials',
  'no-region',
  'not-found',
];

/** Says which place it is about; what an administrator has to mend is `store_unusable`. */
export function openingFailure(error: unknown, place: string): CofferError {
  if (error instanceof AwsError) {
    const code = lasting.includes(error.reason) ? 'store_unusable' : 'unavailable';
    return new CofferError(code, `${place}: ${whyOf(error)}`, { cause: error });
  }
  if (!(error instanceof CofferError)) {
    return new CofferError('internal', `${place}: something unexpected happened`, { cause: error });
  }
  return new CofferError(error.code, `${place}: ${error.message}`, { cause: error.cause });
}
