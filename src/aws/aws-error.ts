/**
 * What goes wrong with AWS, in the words of this program. The SDK's own error is not kept, not even as the cause: where an answer
 * could not be read it carries the answer's text, and that may be a key.
 */
import { CofferError, type ErrorCode } from '../errors.ts';

/** Why a call failed; more exact than the code, for whoever has to branch on it. */
export type AwsReason =
  | 'no-credentials'
  /** Expired, mistyped, or of another partition. */
  | 'bad-credentials'
  | 'no-region'
  | 'denied'
  | 'not-found'
  /** A key that is switched off. */
  | 'disabled'
  /** A key waiting for its deletion or for key material, a table that is not ready. */
  | 'wrong-state'
  | 'throttled'
  | 'clock'
  /** No answer: name, route, TLS, or a connection that broke. */
  | 'network'
  | 'timeout'
  /** AWS answered that it has a problem of its own. */
  | 'aws-fault'
  /** KMS: this ciphertext under this encryption context is none of this key's. */
  | 'bad-ciphertext'
  /** KMS: another key made this ciphertext. */
  | 'wrong-key'
  /** DynamoDB: a condition did not hold, or another transaction was there; a table that exists already. */
  | 'conflict'
  /** DynamoDB: a transaction of the same token is still under way. */
  | 'in-progress'
  | 'invalid'
  | 'unknown';

const codes = {
  'no-credentials': 'permission_denied',
  'bad-credentials': 'permission_denied',
  'no-region': 'invalid_request',
  denied: 'permission_denied',
  'not-found': 'not_found',
  disabled: 'unavailable',
  'wrong-state': 'unavailable',
  throttled: 'rate_limited',
  clock: 'unavailable',
  network: 'unavailable',
  timeout: 'unavailable',
  'aws-fault': 'unavailable',
  'bad-ciphertext': 'integrity',
  'wrong-key': 'wrong_key',
  conflict: 'conflict',
  'in-progress': 'unavailable',
  invalid: 'invalid_request',
  unknown: 'unavailable',
} as const satisfies Record<AwsReason, ErrorCode>;

/** What was asked of whom, for the message. */
export interface AwsSubject {
  /** As people call it: `KMS`, `DynamoDB`. */
  readonly service: string;
  /** As policies spell it: `kms:Decrypt`. */
  readonly action: string;
  /** `key alias/coffer`, `table credential-store`. */
  readonly resource: string;
  readonly region: string | undefined;
  /** Whether requests go to an address that was configured; it is named then, since it may be the mistake. */
  readonly endpoint: string | undefined;
}

export interface AwsErrorDetails {
  /** Of a cancelled transaction, one for each of its items, in order: `None`, `ConditionalCheckFailed`, … */
  readonly cancellations?: readonly string[];
  readonly cause?: Error;
}

export class AwsError extends CofferError {
  readonly reason: AwsReason;
  readonly cancellations: readonly string[];

  constructor(reason: AwsReason, message: string, { cancellations = [], cause }: AwsErrorDetails = {}) {
    super(codes[reason], message, cause === undefined ? undefined : { cause });
    this.name = 'AwsError';
    this.reason = reason;
    this.cancellations = cancellations;
  }
}

/** The parts of an SDK error that are looked at. */
interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly cancellations: readonly string[];
}

const named: Readonly<Record<string, AwsReason>> = {
  CredentialsProviderError: 'no-credentials',
  TokenProviderError: 'no-credentials',
  ProviderError: 'no-credentials',
  AccessDenied: 'denied',
  AccessDeniedException: 'denied',
  AlreadyExistsException: 'conflict',
  AuthFailure: 'bad-credentials',
  AuthorizationError: 'denied',
  AuthorizationErrorException: 'denied',
  ExpiredToken: 'bad-credentials',
  ExpiredTokenException: 'bad-credentials',
  IncompleteSignature: 'bad-credentials',
  InvalidAccessKeyId: 'bad-credentials',
  InvalidClientTokenId: 'bad-credentials',
  InvalidSignatureException: 'bad-credentials',
  MissingAuthenticationTokenException: 'bad-credentials',
  NotAuthorized: 'denied',
  UnauthorizedOperation: 'denied',
  SignatureDoesNotMatch: 'bad-credentials',
  UnrecognizedClientException: 'bad-credentials',
  NoSuchBucket: 'not-found',
  NoSuchKey: 'not-found',
  NoSuchUpload: 'not-found',
  NotFound: 'not-found',
  NoSuchEntity: 'not-found',
  NoSuchEntityException: 'not-found',
  NotFoundException: 'not-found',
  ParameterAlreadyExists: 'conflict',
  ResourceExistsException: 'conflict',
  ParameterNotFound: 'not-found',
  ResourceNotFoundException: 'not-found',
  TableNotFoundException: 'not-found',
  EntityAlreadyExists: 'conflict',
  EntityAlreadyExistsException: 'conflict',
  DeleteConflict: 'conflict',
  DeleteConflictException: 'conflict',
  EntityTemporarilyUnmodifiable: 'in-progress',
  EntityTemporarilyUnmodifiableException: 'in-progress',
  ConcurrentModification: 'in-progress',
  ConcurrentModificationException: 'in-progress',
  DisabledException: 'disabled',
  KMSInvalidStateException: 'wrong-state',
  KeyUnavailableException: 'aws-fault',
  LimitExceeded: 'throttled',
  LimitExceededException: 'throttled',
  ProvisionedThroughputExceededException: 'throttled',
  RequestLimitExceeded: 'throttled',
  SlowDown: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  TooManyUpdates: 'throttled',
  RequestExpired: 'clock',
  RequestTimeTooSkewed: 'clock',
  InvalidCiphertextException: 'bad-ciphertext',
  IncorrectKeyException: 'wrong-key',
  ConditionalCheckFailedException: 'conflict',
  ConditionalRequestConflict: 'conflict',
  PreconditionFailed: 'conflict',
  IdempotentParameterMismatchException: 'conflict',
  ResourceInUseException: 'conflict',
  TransactionCanceledException: 'conflict',
  TransactionConflictException: 'conflict',
  TransactionInProgressException: 'in-progress',
  BadDigest: 'aws-fault',
  AuthorizationHeaderMalformed: 'invalid',
  InvalidArnException: 'invalid',
  PermanentRedirect: 'invalid',
  InvalidKeyUsageException: 'invalid',
  ItemCollectionSizeLimitExceededException: 'invalid',
  ValidationException: 'invalid',
  AbortError: 'timeout',
  TimeoutError: 'timeout',
};

/** Anything that an SDK call threw, as one of the family; what is one already stays as it is. */
export function awsError(thrown: unknown, subject: AwsSubject): CofferError {
  if (thrown instanceof CofferError) return thrown;
  const parts = partsOf(thrown);
  const reason = reasonOf(parts);
  const { name, status, requestId, cancellations } = parts;
  const cause = new Error(
    `${subject.action}: ${name}, status ${status ?? 'none'}, request ${requestId ?? 'unknown'}`,
  );
  return new AwsError(reason, messageOf(reason, parts, subject), { cancellations, cause });
}

function reasonOf({ name, message, code, status }: Thrown): AwsReason {
  if (/^Region is missing/.test(message)) return 'no-region';
  // Signature Version 4 has one name for a signature that is wrong and one that is old; only the text tells which.
  if (/^(InvalidSignature|SignatureDoesNotMatch)/.test(name) && /expired|not yet current/i.test(message))
    return 'clock';
  // The SDK calls a connection that broke a timeout, too.
  if (name === 'TimeoutError' && /^(ECONNRESET|EPIPE)$/.test(code)) return 'network';
  const known = Object.hasOwn(named, name) ? named[name] : undefined;
  if (known !== undefined) return known;
  // From here on something that is not quite AWS answered: a proxy, or a server that speaks another dialect.
  if (status === 401) return 'bad-credentials';
  if (status === 403) return 'denied';
  if (status === 429) return 'throttled';
  if (status !== undefined && status >= 500) return 'aws-fault';
  if (status === 400 || status === 413) return 'invalid';
  if (code !== '') return 'network';
  return 'unknown';
}

function messageOf(reason: AwsReason, parts: Thrown, subject: AwsSubject): string {
  const { service, action, resource } = subject;
  const where = subject.region === undefined ? '' : ` in ${subject.region}`;
  const who = /User: (arn:aws[\w-]*:[\w:/+=,.@-]{1,300}) is not authorized/.exec(parts.message)?.[1];
  switch (reason) {
    case 'no-credentials':
      return 'no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (after `aws sso login` if it is one of SSO), or run where a role is attached';
    case 'bad-credentials':
      return `AWS refuses the credentials for ${action} (${parts.name}): they have expired, are mistyped, or are of another account; get new ones`;
    case 'no-region':
      return 'no AWS region: give one (region=…), set AWS_REGION, or set it in the profile';
    case 'denied':
      return `AWS denies ${action} on ${resource}${where}${who === undefined ? '' : ` to ${who}`}: allow it in its IAM policy, and in the policy of the resource where that has one`;
    case 'not-found':
      return `${service} has no ${resource}${where}: check its name, the region and the account`;
    case 'disabled':
      return `${resource}${where} is disabled: enable it with \`aws kms enable-key\``;
    case 'wrong-state':
      return `${resource}${where} cannot be used in its present state, such as pending deletion or import: see \`aws kms describe-key\``;
    case 'throttled':
      return `AWS throttles ${action} on ${resource}${where}: try again later, or raise the quota`;
    case 'clock':
      return "AWS refuses the time of a request: this machine's clock is wrong; set it";
    case 'network':
      return `${addressOf(subject)} cannot be reached (${parts.code}): check network, proxy, DNS and certificates`;
    case 'timeout':
      return `${addressOf(subject)} did not answer ${action} in time`;
    case 'aws-fault':
      return `${addressOf(subject)} has a problem of its own and did not do ${action} (${parts.name}); try again`;
    case 'bad-ciphertext':
      return `KMS refuses the ciphertext: it was changed, is of another key, or its encryption context is another one`;
    case 'wrong-key':
      return `the ciphertext was made by another key than ${resource}`;
    case 'conflict':
      return `${service} refuses ${action} on ${resource}: what is there is not what was expected`;
    case 'in-progress':
      return `${service} has not yet ended an earlier ${action} on ${resource}: try again`;
    case 'invalid':
      return `${service} refuses ${action} on ${resource} as wrong in itself (${parts.name})`;
    case 'unknown':
      return `${service} failed at ${action} on ${resource} (${parts.name})`;
  }
}

function addressOf({ service, region, endpoint }: AwsSubject): string {
  if (endpoint !== undefined) return `${service} at ${endpoint}`;
  return region === undefined ? service : `${service} in ${region}`;
}

function partsOf(thrown: unknown): Thrown {
  const record = isRecord(thrown) ? thrown : {};
  const metadata = isRecord(record['$metadata']) ? record['$metadata'] : {};
  const reasons = Array.isArray(record['CancellationReasons']) ? record['CancellationReasons'] : [];
  const status = metadata['httpStatusCode'];
  return {
    name: wordOf(record['name']) || 'Error',
    message: typeof record['message'] === 'string' ? record['message'] : '',
    code: codeOf(record),
    status: typeof status === 'number' ? status : undefined,
    requestId: wordOf(metadata['requestId']) || undefined,
    cancellations: reasons.map((each) => (isRecord(each) ? wordOf(each['Code']) : '')),
  };
}

/** A connection that failed for several addresses of a name says so in a list. */
function codeOf({ code, errors, cause }: Record<string, unknown>): string {
  const own = wordOf(code);
  if (own !== '') return own;
  const below = [...(Array.isArray(errors) ? errors : []), cause];
  return below.map((each) => (isRecord(each) ? wordOf(each['code']) : '')).find((word) => word !== '') ?? '';
}

/** Names and codes come from the other side: what is no plain word is not repeated. */
function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value) ? value : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
